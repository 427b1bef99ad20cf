"""Predictions over HTTP: shipped models, exact quantities, both layouts, and what is refused."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from api_server import problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.children.bounded import Bounded
from service.http.problems import Problem
from service.routes import devices, predictors, spaces
from spaces.known import get_space, space_names
from tests.service.conftest import TIMEOUT_SECONDS

CELLS = get_space("nasbench201")
GNN = get_space("gnn")
ACCURACY = {"metric": "accuracy", "task": "cifar10-int8-ptq"}
KEY = "accuracy@cifar10-int8-ptq"


def drawn(space, count):
    return space.format(space.sample(count, np.random.default_rng(0)))


def post(server, **change):
    body = {
        "space": "nasbench201",
        "metrics": [ACCURACY, {"metric": "params_m"}],
        "architectures": drawn(CELLS, 3),
    }
    return server.http.post("/v1/predict", json=body | change)


def test_rows_hold_an_object_for_each_architecture(server):
    answer = post(server)
    assert answer.status_code == 200
    body = answer.json()
    assert body["architectures"] == drawn(CELLS, 3)
    assert set(body) == {"space", "confidence", "architectures", "predictions", "models", "costs_for"}
    assert body["models"][KEY].startswith("sha256:")
    assert body["models"]["params_m"] == "exact"
    for row in body["predictions"]:
        assert set(row) == {KEY, "params_m"}
        assert row[KEY]["lower"] <= row[KEY]["mean"] <= row[KEY]["upper"]
    exact = CELLS.statistics(CELLS.parse_many(body["architectures"]))["params_m"]
    assert [row["params_m"]["mean"] for row in body["predictions"]] == exact.tolist()
    assert body["predictions"][0]["params_m"]["std"] == 0
    assert body["costs_for"] == {"params_m": CELLS.network_config().to_dict()}


@pytest.mark.parametrize("space", ["nasbench201", "fbnet", "mnasnet"])
def test_exact_costs_are_of_the_network_that_is_asked_for(server, space):
    family = get_space(space)
    names = drawn(family, 5)
    metrics = [{"metric": "macs_m"}, {"metric": "params_m"}]
    body = {"space": space, "metrics": metrics, "architectures": names, "layout": "columns"}
    answer = server.http.post("/v1/predict", json=body | {"classes": 5, "resolution": 96}).json()
    network = family.network_config(classes=5, resolution=96)
    costs = family.costs(family.parse_many(names), network)
    for key in ("macs_m", "params_m"):
        assert answer["predictions"][key]["mean"] == costs[key].tolist()
        assert answer["costs_for"][key] == network.to_dict()
    usual = server.http.post("/v1/predict", json=body).json()["predictions"]["params_m"]["mean"]
    assert usual != answer["predictions"]["params_m"]["mean"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resolution": 4}, "resolution"),
        ({"classes": 0}, "classes"),
        ({"metrics": [ACCURACY], "resolution": 64}, "resolution"),
        ({"metrics": [ACCURACY], "classes": 5}, "classes"),
        ({"space": "ofa_mobilenetv3", "resolution": 128}, "resolution"),
        ({"space": "gnn", "metrics": [{"metric": "params_m", "task": "cora"}], "classes": 5}, "classes"),
    ],
)
def test_a_network_that_cannot_be_meant_is_refused(server, change, field):
    space = get_space(change.get("space", "nasbench201"))
    body = {"space": space.name, "metrics": [{"metric": "params_m"}], "architectures": [space.example]}
    problem(server.http.post("/v1/predict", json=body | change), 422, field)


@pytest.mark.parametrize("at_once", [1, 3, 7, 8])
def test_rows_are_whole_however_many_are_written_at_once(server, monkeypatch, at_once):
    names = drawn(CELLS, 7)
    expected = post(server, architectures=names).json()
    monkeypatch.setattr("service.routes.predict.ROWS_AT_ONCE", at_once)
    assert post(server, architectures=names).json() == expected
    assert len(expected["predictions"]) == 7


def test_columns_and_single_calls_say_the_same_as_rows(server):
    names = drawn(CELLS, 300)
    rows = post(server, architectures=names).json()["predictions"]
    columns = post(server, architectures=names, layout="columns").json()["predictions"]
    for key, column in columns.items():
        for name, values in column.items():
            assert values == [row[key][name] for row in rows]
    single = post(server, architectures=names[7:8]).json()["predictions"][0]
    assert single[KEY]["mean"] == pytest.approx(rows[7][KEY]["mean"], abs=1e-6)


def test_a_graph_networks_costs_carry_the_task(server):
    body = {
        "space": "gnn",
        "metrics": [
            {"metric": "latency_ms", "device": "gpu", "task": "arxiv"},
            {"metric": "params_m", "task": "arxiv"},
        ],
        "architectures": drawn(GNN, 4),
    }
    answer = server.http.post("/v1/predict", json=body)
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["models"]) == {"latency_ms@gpu@arxiv", "params_m@arxiv"}


@pytest.mark.parametrize("name", space_names())
def test_exact_costs_need_no_model(server, name):
    space = get_space(name)
    task = space.tasks[0] if space.task_dependent_cost else None
    exact = [metric for metric in space.metrics if metric in space.statistics_names]
    codes = space.sample(5, np.random.default_rng(1))
    body = {
        "space": name,
        "metrics": [{"metric": metric, "task": task} for metric in exact],
        "architectures": [space.format(codes[:1])[0], *(space.to_variables(row) for row in codes[1:])],
        "layout": "columns",
    }
    answer = server.http.post("/v1/predict", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["architectures"] == space.format(codes)
    statistics = space.statistics(codes, task)
    for (key, column), metric in zip(answer.json()["predictions"].items(), exact, strict=True):
        assert key.split("@")[0] == metric
        assert column["mean"] == column["lower"] == statistics[metric].tolist()
        assert answer.json()["models"][key] == "exact"


def test_variables_and_other_spellings_answer_the_canonical_string(server):
    text = drawn(CELLS, 1)[0]
    variables = CELLS.to_variables(CELLS.parse(text))
    answer = post(server, architectures=[text, variables]).json()
    assert answer["architectures"] == [text, text]
    assert answer["predictions"][0] == answer["predictions"][1]


def test_a_higher_confidence_gives_a_wider_interval(server):
    def width(confidence):
        row = post(server, confidence=confidence).json()["predictions"][0][KEY]
        return row["upper"] - row["lower"]

    assert width(0.5) < width(0.9) < width(0.99)


def test_no_architecture_is_no_error(server):
    assert post(server, architectures=[]).json()["predictions"] == []
    columns = post(server, architectures=[], layout="columns").json()["predictions"]
    assert columns[KEY] == {"mean": [], "std": [], "lower": [], "upper": [], "extrapolated": []}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nowhere"}, "space"),
        ({"metrics": []}, "metrics"),
        ({"metrics": [ACCURACY, {"metric": "beauty"}]}, "metrics[1].metric"),
        ({"metrics": [{"metric": "accuracy", "task": "imagenet"}]}, "metrics[0].task"),
        ({"metrics": [{"metric": "accuracy"}]}, "metrics[0].task"),
        ({"metrics": [{"metric": "latency_ms", "device": "toaster"}]}, "metrics[0].device"),
        ({"metrics": [{"metric": "params_m", "device": "fpga"}]}, "metrics[0].device"),
        ({"kind": "oracle"}, "kind"),
        ({"kind": "neural"}, "kind"),
        ({"layout": "diagonal"}, "layout"),
        ({"confidence": 2}, "confidence"),
        ({"architectures": "none"}, "architectures"),
        ({"architectures": [1]}, "architectures[0]"),
        ({"architectures": [None]}, "architectures[0]"),
        ({"architectures": [[]]}, "architectures[0]"),
        ({"architectures": [{}]}, "architectures[0]"),
        ({"architectures": [{"edge": 1.5}]}, "architectures[0]"),
        ({"architectures": [""]}, "architectures[0]"),
        ({"architectures": ["|" * 10**6]}, "architectures[0]"),
        ({"tenant_id": "other"}, "tenant_id"),
    ],
)
def test_a_wrong_field_is_named(server, change, field):
    body = problem(post(server, **change), 422, field)
    assert len(json.dumps(body)) < 10_000


def test_every_malformed_architecture_is_named_with_its_position(server):
    good = drawn(CELLS, 30)
    bad = [*good[:17], good[17].replace("~0", "~5", 1), *good[18:29], good[29][:-5]]
    body = problem(post(server, architectures=bad), 422)
    assert [error["field"] for error in body["errors"]] == ["architectures[17]", "architectures[29]"]
    assert "character" in body["errors"][0]["message"]
    assert all(error["hint"] for error in body["errors"])


def test_more_than_fifty_thousand_architectures_are_too_many(server):
    problem(post(server, architectures=drawn(CELLS, 1) * 50_001), 413)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([CELLS, GNN]).flatmap(
        lambda space: st.tuples(
            st.just(space),
            st.one_of(
                st.text(max_size=80),
                st.text(alphabet="|~+0123:_nor_conv3x1gatcnskip", max_size=80),
                st.tuples(st.integers(0, 60), st.text(max_size=3)).map(
                    lambda cut: space.example[: cut[0]] + cut[1] + space.example[cut[0] + 1 :]
                ),
                st.dictionaries(
                    st.sampled_from([v.name for v in space.variables] + ["x"]),
                    st.one_of(st.text(max_size=5), st.integers(), st.booleans()),
                ),
            ),
        )
    )
)
def test_what_is_no_architecture_is_never_predicted(server, case):
    space, architecture = case
    metric = ACCURACY if space is CELLS else {"metric": "accuracy", "task": "arxiv"}
    body = {"space": space.name, "metrics": [metric], "architectures": [architecture]}
    headers = {"content-type": "application/json"}
    answer = server.http.post("/v1/predict", content=json.dumps(body), headers=headers)
    if answer.status_code == 200:
        # What the parser takes is an architecture, and writing it down again changes nothing.
        (text,) = answer.json()["architectures"]
        codes = space.parse(text)
        assert space.reason(codes) is None
        assert space.format(codes[None]) == [text]
    else:
        assert problem(answer, 422)["errors"]


def test_too_many_predictions_at_once_are_refused_not_piled_up():
    import threading

    import anyio

    release = threading.Event()
    outcomes = []

    async def main():
        bounded = Bounded(threads=1, waiting=1, retry_after_seconds=3)

        async def one():
            try:
                await bounded.run(release.wait, 10)
                outcomes.append("done")
            except Problem as refused:
                outcomes.append((refused.status_code, refused.headers["Retry-After"]))

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(one)
            while len(outcomes) < 2:
                await anyio.sleep(0.01)
            release.set()

    anyio.run(main)
    assert outcomes == [(503, "3"), (503, "3"), "done", "done"]


def test_exact_costs_are_of_the_task_that_stands_with_them(server):
    fbnet = get_space("fbnet")
    codes = fbnet.sample(3, np.random.default_rng(0))

    def macs(*tasks):
        metrics = [{"metric": "macs_m", "task": task} for task in tasks]
        body = {"space": "fbnet", "metrics": metrics, "architectures": fbnet.format(codes)}
        return server.http.post("/v1/predict", json=body | {"layout": "columns"})

    answer = {task: macs(task).json()["predictions"]["macs_m"]["mean"] for task in fbnet.tasks}
    assert answer == {task: fbnet.statistics(codes, task)["macs_m"].tolist() for task in fbnet.tasks}
    assert answer["imagenet"] != answer["cifar100"]
    problem(macs("imagenet", "cifar100"), 422, "metrics[1]")
    problem(macs("mnist"), 422, "metrics[0].task")


def test_what_lies_outside_the_labels_is_marked_and_gets_no_interval(server):
    metric = {"metric": "accuracy", "task": "proteins"}
    names = ["0|1|1|2:gcn|sage|arma|fc", "0|1|1|2:gcn|gat|skip|gin"]
    body = {"space": "gnn", "metrics": [metric], "architectures": names}
    inside, outside = (
        row["accuracy@proteins"] for row in server.http.post("/v1/predict", json=body).json()["predictions"]
    )
    assert not inside["extrapolated"] and inside["lower"] < inside["upper"]
    assert outside["extrapolated"] and outside["lower"] is outside["upper"] is None


def test_predictions_do_not_wait_for_what_is_declared_measured_or_observed(serve, monkeypatch):
    server, built = serve(), threading.Event()
    for module, name in ((spaces, "_declare"), (devices, "_add"), (predictors, "_create")):
        monkeypatch.setattr(module, name, lambda *_: built.wait(TIMEOUT_SECONDS) and _refuse())
    labels = [
        {"architecture": cell, "value": float(60 + place)} for place, cell in enumerate(drawn(CELLS, 4))
    ]
    of = {"space": "nasbench201", "metric": "accuracy", "task": "cifar10"}
    orders = [
        ("/v1/spaces", {"declaration": {"name": "small", "variables": {"layers": [1, 2]}}}),
        ("/v1/devices", {"name": "board", "space": "nasbench201", "measurements": labels}),
        ("/v1/predictors", {**of, "kind": "gp", "observations": labels}),
    ]
    with ThreadPoolExecutor(len(orders)) as pool:
        waiting = [pool.submit(server.http.post, path, json=body) for path, body in orders]
        until(lambda: server.app.state.service.building.others == len(orders) - 1)
        assert post(server).status_code == 200
        assert not any(each.done() for each in waiting)
        built.set()
        assert [each.result().status_code for each in waiting] == [409] * len(orders)


def _refuse():
    raise Problem(409, "built")


def until(condition):
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
