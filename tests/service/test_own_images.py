"""Designs for images of one's own: the space where none is named, one's own phone, what is finished."""

from dataclasses import replace

import numpy as np
import pytest

import search.baselines
from predictors.devices.shipped import load
from search.baselines import backbone_beside, backbone_of, costs_of
from search.request.design_request import parse_request
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.metric import Observation
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState
from store.memory import MemoryStore
from tests.networks.training import data
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

SPACE = "efficientnet_lite"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return data.npz(tmp_path_factory.mktemp("images"), count=30, test=10)


@pytest.fixture
def server(serve, images):
    return serve(MemoryStore(), images=images)


def order(**change):
    options = {"training": {"recipe": {"epochs": 1}}}
    return {"task": "tiny", "evaluations": 2, "evaluator": "training", "evaluator_options": options} | change


def refused(server, **change):
    answer = server.http.post("/v1/designs", json=order(**change))
    assert answer.status_code == 422, answer.text
    return {error["field"]: error for error in answer.json()["errors"]}


def test_the_space_of_ones_own_images_is_the_one_that_begins_with_pretrained_weights(server):
    answer = server.http.post("/v1/designs", json=order(finish=1, finish_options={"recipe": {"epochs": 4}}))
    assert answer.status_code == 202, answer.text
    payload = server.store.job(answer.json()["id"]).payload
    assert payload["space"] == SPACE
    assert payload["finish_options"] == {"recipe": {"epochs": 4}, "from": None, "teacher": False}


def test_a_task_of_the_tables_and_an_unknown_one_need_a_space(server):
    for task in ("cifar10", "no-such-images"):
        assert "may be left out" in refused(server, task=task)["space"]["hint"]


def test_ones_own_phone_bounds_the_latency(server):
    space = get_space(SPACE)
    codes = load(SPACE).probe(10)
    costs = space.costs(codes, NetworkConfig(None, 3, None, "full"))["macs_m"]
    rows = [
        {"architecture": each, "value": float(value)}
        for each, value in zip(space.format(codes), 0.1 * np.asarray(costs), strict=True)
    ]
    body = {"name": "phone", "space": SPACE, "metric": "latency_ms", "measurements": rows}
    assert server.http.post("/v1/devices", json=body).status_code == 201
    bound = {"metric": "latency_ms", "device": "phone", "max": 18}
    answer = server.http.post("/v1/designs", json=order(constraints=[bound]))
    assert answer.status_code == 202, answer.text
    assert server.store.job(answer.json()["id"]).payload["sources"] == {
        "accuracy@tiny": "training",
        "latency_ms@phone": "model",
    }
    assert "constraints[0].device" in refused(server, constraints=[bound | {"device": "tablet"}])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"finish_options": {"recipe": {"epochs": 4}}}, "finish_options"),
        ({"finish": 1, "finish_options": {"recipe": {"epochs": 0}}}, "finish_options.recipe.epochs"),
        (
            {"finish": 1, "space": "mnasnet", "finish_options": {"from": "pretrained"}},
            "finish_options.from",
        ),
        (
            {"finish": 1, "recipe": {"epochs": [1, 2]}, "evaluator_options": {},
             "finish_options": {"recipe": {"epochs": 3}}},
            "finish_options.recipe",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_finished_so_names_its_field(server, change, field):
    assert field in refused(server, **change)


def test_a_network_starts_from_pretrained_weights_unless_it_is_the_small_one(server):
    architecture = get_space(SPACE).example
    for change, start in (
        ({}, "pretrained"),
        ({"network": "small"}, "scratch"),
        ({"from": "scratch"}, "scratch"),
    ):
        body = {"space": SPACE, "architecture": architecture, "dataset": "tiny", **change}
        answer = server.http.post("/v1/networks", json=body)
        assert answer.status_code == 202, answer.text
        made = server.http.get(f"/v1/networks/{answer.json()['network']}").json()["order"]
        assert made["from"] == start
        assert made["recipe"]["optimizer"] == ("adamw" if start == "pretrained" else "sgd")
    body = {
        "space": SPACE,
        "architecture": architecture,
        "dataset": "tiny",
        "network": "small",
        "from": "pretrained",
    }
    assert server.http.post("/v1/networks", json=body).json()["errors"][0]["field"] == "from"


def finished_designs(server, images, blobs, seeds):
    """Results of designs that were carried out, but not the trainings that they ordered."""
    jobs = []
    for seed in seeds:  # all of them before what they order
        body = order(
            finish=1,
            seed=seed,
            strategy="random",
            knowledge="none",
            count=2,
            constraints=[{"metric": "macs_m", "max": 35}],
        )
        jobs.append(server.http.post("/v1/designs", json=body).json()["id"])
    for job in jobs:
        execute(
            server.store,
            job,
            WorkerEnvironment(
                worker="w",
                tables=lambda: None,
                blobs=lambda: blobs,
                timeouts=Timeouts(lease_seconds=600, store_seconds=2),
                draining=lambda: False,
                leave=lambda: None,
                images=images,
            ),
        )
    states = [server.store.job(job) for job in jobs]
    assert all(each.state is JobState.SUCCEEDED for each in states), states
    return [server.http.get(f"/v1/jobs/{job}/result").json() for job in jobs]


def test_a_design_says_what_the_plain_backbone_reaches(serve, images):
    blobs = MemoryBlobs()
    server = serve(MemoryStore(), blobs=blobs, images=images)
    first, second = finished_designs(server, images, blobs, (0, 1))
    told, whole = first["baselines"], get_space(SPACE).whole(64)
    assert (told["architecture"], told["resolution"]) == (whole, 64)
    assert first["evaluated"] == 2, "the backbone is one of the evaluations"
    reached = {name: told[name]["accuracy"] for name in ("linear_probe", "fine_tuned", "found")}
    assert reached["linear_probe"] > 60 and told["linear_probe"]["test_accuracy"] > 60
    assert reached[told["winner"]] == max(reached.values())
    assert told["metrics"]["macs_m"]["mean"] <= 35
    assert ("wins" in told["message"]) == (told["winner"] != "found")
    networks = server.http.get("/v1/networks").json()["networks"]
    whole_ones = [each["id"] for each in networks if each["architecture"] == whole]
    shared = {each["baselines"]["finished"]["network"] for each in (first, second)}
    best = {each["architectures"][0]["architecture"] for each in (first, second)}
    assert shared <= set(whole_ones)
    assert whole in best or len(shared) == len(whole_ones) == 1, "it is trained once for both designs"


def test_no_baseline_is_within_a_tight_bound_or_where_none_is_asked():
    tight = {"space": SPACE, "constraints": [{"metric": "macs_m", "max": 15}]}
    request = parse_request(order(**tight))
    assert "outside the bounds" in backbone_of(request, request.problem())
    assert backbone_of(parse_request(order(space=SPACE)), request.problem()) is not None
    request = parse_request(order(space=SPACE, baseline=False))
    assert backbone_of(request, request.problem()) is None
    scratch = {"training": {"init": "scratch"}}
    request = parse_request(order(space=SPACE, evaluator_options=scratch))
    assert backbone_of(request, request.problem()) is None


def test_beside_another_space_the_backbone_is_no_dearer_than_what_was_found():
    asked = {"space": "mnasnet", "constraints": [{"metric": "params_m", "max": 5}]}
    request = parse_request(order(**asked))
    rows = [{"metrics": {"macs_m": {"mean": 100.0}}}]
    found = backbone_beside(request, request.problem(), rows)
    classes = request.problem().network_for("tiny").classes
    costs = [
        costs_of(replace(found, architecture=get_space(SPACE).whole(side)), classes)["macs_m"]["mean"]
        for side in (found.resolution, found.resolution + 16)
    ]
    assert found.space == SPACE and costs[0] <= 100 < costs[1]
    tight = parse_request(order(**asked | {"constraints": [{"metric": "params_m", "max": 3}]}))
    assert "outside the bounds" in backbone_beside(tight, tight.problem(), rows)
    none = parse_request(order(**asked, baseline=False))
    assert backbone_beside(none, none.problem(), rows) is None


@pytest.mark.parametrize(
    ("probe", "found", "same", "winner"),
    [(50, 80, False, "found"), (50, 70, False, "fine_tuned"), (90, 80, True, "linear_probe"),
     (50, 75, True, "fine_tuned"), (75, 75, False, "found")],
)  # fmt: skip
def test_the_winner_is_named_by_the_validation_images(monkeypatch, probe, found, same, winner):
    monkeypatch.setattr(search.baselines, "_probe", lambda *a: {"accuracy": probe, "test_accuracy": 1.0})
    request = parse_request(order(space=SPACE))
    backbone = backbone_of(request, request.problem())
    best = backbone.architecture if same else get_space(SPACE).example
    rows = [{"architecture": best, "metrics": {"accuracy@tiny": {"mean": found, "source": "measured"}}}]
    seen = [Observation(backbone.architecture, {"accuracy@tiny": 75.0}, "training")]
    told = search.baselines.baselines(
        backbone, request.problem(), rows, seen, lambda _: {}, None, lambda: False
    )
    assert told["winner"] == winner
    assert ("the plain backbone wins" in told["message"]) == (winner != "found")
