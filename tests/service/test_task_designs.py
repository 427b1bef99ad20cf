"""Designs, predictions and studies for a task that someone uploaded, over HTTP, carried out by a worker."""

import numpy as np
import pytest
from api_server import problem

from encoders.tasks.embedding import VERSION, WIDTH, TaskEmbedding
from networks import build
from spaces.known import get_space
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState
from store.tasks.task import TaskContent
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

QUICK = Timeouts(lease_seconds=30, stall_seconds=60, drain_seconds=60, store_seconds=2)
CELLS = get_space("nasbench201")
CLASSES = 23
NETWORK = CELLS.network_config(classes=CLASSES)


@pytest.fixture(scope="module")
def embedding():
    """Of 23 classes."""
    prototypes = 0.05 * np.random.default_rng(0).normal(size=(CLASSES, WIDTH)).astype(np.float32)
    return TaskEmbedding(prototypes, tuple(f"class {i}" for i in range(CLASSES)), 60, VERSION, "images")


@pytest.fixture
def server(serve, embedding):
    """A server with blobs, and the task ``mine``."""
    blobs = MemoryBlobs()
    running = serve(blobs=blobs)
    running.blobs = blobs
    about = TaskContent("c", VERSION, blobs.put(embedding.to_bytes()), "images", embedding.classes, 60, 60)
    running.store.put_task("mine", about)
    return running


def work(server, tables, job_id):
    """Does a job as a worker would."""
    return execute(
        server.store,
        job_id,
        WorkerEnvironment(
            worker="w",
            tables=lambda: tables,
            blobs=lambda: server.blobs,
            timeouts=QUICK,
            draining=lambda: False,
            leave=lambda: None,
        ),
    )


ORDER = {"space": "nasbench201", "task": "mine", "constraints": [{"metric": "params_m", "max": 0.4}]}


def test_a_design_keeps_its_task_though_it_is_deleted(server, tables, embedding):
    answer = server.http.post("/v1/designs", json=ORDER | {"count": 5})
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert server.http.delete("/v1/tasks/mine").status_code == 204
    problem(server.http.post("/v1/designs", json=ORDER), 422, "task")
    done = work(server, tables, job["id"])
    assert done.state is JobState.SUCCEEDED, done.reason
    result = server.http.get(job["urls"]["result"]).json()
    rows = result["architectures"]
    found = [row["metrics"]["accuracy@mine"] for row in rows]
    assert len(rows) == 5 and all(value["extrapolated"] and value["source"] == "predicted" for value in found)
    assert all(value["lower"] is None and value["upper"] is None for value in found)
    assert [value["mean"] for value in found] == sorted((value["mean"] for value in found), reverse=True)
    assert result["models"]["task mine"] == embedding.digest
    assert result["models"]["accuracy@mine"].startswith("sha256:")
    # Costs that are exact are those of a network with as many classes.
    cell = rows[0]["architecture"]
    network = build("nasbench201", cell, NETWORK)
    params = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    assert rows[0]["metrics"]["params_m"]["mean"] == pytest.approx(params, abs=1e-9)
    url = f"/v1/jobs/{job['id']}/architectures/1/export"
    written = server.http.get(url, params={"format": "json"}).json()
    assert (written["task"], written["statistics"]["params_m"]) == ("mine", pytest.approx(params, abs=1e-9))
    assert f"num_classes: int = {CLASSES}" in server.http.get(url).text


def test_a_thousand_come_in_the_order_of_proposal(server, tables):
    job = server.http.post("/v1/designs", json={"space": "nasbench201", "task": "mine", "count": 1000}).json()
    work(server, tables, job["id"])
    rows = server.http.get(job["urls"]["result"]).json()["architectures"]
    names = [row["architecture"] for row in rows]
    means = [row["metrics"]["accuracy@mine"]["mean"] for row in rows]
    assert len(set(names)) == 1000 and means == sorted(means, reverse=True)
    body = {
        "space": "nasbench201",
        "metrics": [{"metric": "accuracy", "task": "mine"}, {"metric": "params_m", "task": "mine"}],
        "architectures": names[:3],
        "layout": "columns",
    }
    answer = server.http.post("/v1/predict", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["predictions"]["accuracy@mine"]["mean"] == pytest.approx(means[:3])
    assert all(found["predictions"]["accuracy@mine"]["extrapolated"])
    expected = CELLS.costs(CELLS.parse_many(names[:3]), NETWORK)["params_m"]
    assert found["predictions"]["params_m"]["mean"] == pytest.approx(expected.tolist())
    problem(server.http.post("/v1/predict", json=body | {"kind": "gp"}), 422)


@pytest.mark.parametrize("name", ["efficientnet_lite", "fbnet", "mnasnet", "ofa_mobilenetv3"])
def test_exact_costs_of_ones_own_task_in_other_spaces(server, name):
    space = get_space(name)
    body = {
        "space": name,
        "metrics": [{"metric": "params_m", "task": "mine"}],
        "architectures": [space.example],
    }
    answer = server.http.post("/v1/predict", json=body).json()
    network = space.network_config(classes=CLASSES)
    params = space.costs(space.parse(space.example)[None], network)["params_m"][0]
    assert answer["predictions"][0]["params_m"]["mean"] == params
    assert answer["costs_for"] == {"params_m": network.to_dict()}
    if "accuracy" in space.metrics:
        asked = body | {"metrics": [{"metric": "accuracy", "task": "mine"}]}
        problem(server.http.post("/v1/predict", json=asked), 422)


def test_what_no_predictor_answers_is_refused(server):
    refused = problem(server.http.post("/v1/designs", json={"space": "gnn", "task": "mine"}), 422, "task")
    assert "nasbench201" in refused["errors"][0]["hint"]
    problem(server.http.post("/v1/designs", json=ORDER | {"task": "theirs"}), 422, "task")
    problem(server.http.post("/v1/designs", json=ORDER | {"uploaded": {"name": "mine"}}), 422, "uploaded")
    with_table = ORDER | {"evaluations": 2, "evaluator": "table"}
    problem(server.http.post("/v1/designs", json=with_table), 422)
    asked = {"space": "gnn", "metrics": [{"metric": "accuracy", "task": "mine"}], "architectures": []}
    problem(server.http.post("/v1/predict", json=asked), 422, "metrics[0].task")


def test_an_embedding_that_is_gone_is_told(server):
    about = TaskContent("c2", VERSION, "0" * 64, "images", ("a", "b"), 2, 2)
    server.store.put_task("lost", about)
    asked = {
        "space": "nasbench201",
        "metrics": [{"metric": "accuracy", "task": "lost"}],
        "architectures": [CELLS.example],
    }
    problem(server.http.post("/v1/predict", json=asked), 409)


def test_a_study_for_an_uploaded_task_asks_for_the_best_of_the_prior_first(server, tables):
    made = server.http.post("/v1/studies", json={"space": "nasbench201", "task": "mine", "seed": 3})
    assert made.status_code == 201, made.text
    url = f"/v1/studies/{made.json()['id']}"
    server.http.delete("/v1/tasks/mine")
    asked = {"count": 3, "client_id": "w"}
    cells = [
        each["architecture"] for each in server.http.post(f"{url}/suggest", json=asked).json()["suggestions"]
    ]
    assert len(set(cells)) == 3
    answer = [{"architecture": cell, "values": {"accuracy": 60.0 + i}} for i, cell in enumerate(cells)]
    assert server.http.post(f"{url}/observe", json={"observations": answer}).json()["news"] == 3
    further = server.http.post(f"{url}/suggest", json=asked).json()["suggestions"]
    assert not {each["architecture"] for each in further} & set(cells)
    assert server.http.get(url).json()["best"][0]["architecture"] == cells[2]


def test_a_second_task_of_ones_own_is_refused_with_what_may_be_named(server, embedding):
    about = TaskContent(
        "d", VERSION, server.blobs.put(embedding.to_bytes()), "images", embedding.classes, 60, 60
    )
    server.store.put_task("other", about)
    goals = [{"metric": "accuracy", "task": name} for name in ("mine", "other")]
    body = problem(
        server.http.post("/v1/designs", json=ORDER | {"objectives": goals}), 422, "objectives[1].task"
    )
    assert "mine; of your own, the one" in body["errors"][0]["hint"]
