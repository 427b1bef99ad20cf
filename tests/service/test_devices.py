"""A tenant's own device over HTTP: what to measure, adding it, predicting, ordering designs."""

import numpy as np
import pytest
from api_server import Running, problem

from predictors.devices.shipped import load
from search.request.design_request import DesignRequest
from service.operations.devices import MAX_DEVICES
from spaces.known import get_space
from store.memory import MemoryStore

CELLS = get_space("nasbench201")
KEY = "latency_ms@board"


@pytest.fixture
def own(tables):
    """A server with a store of its own: what a tenant has added is what the test added."""
    running = Running(MemoryStore(), tables)
    yield running
    running.stop()


def latency(codes) -> np.ndarray:
    """A board that is like the tables' devices, three times as slow as the mean of two."""
    known = load("nasbench201").known
    relative = known.relative(codes)[:, [known.names.index("fpga"), known.names.index("pixel2")]]
    return np.maximum(3 * relative.mean(axis=1), 0.1)


def body(count=12, **change) -> dict:
    cells = CELLS.format(load("nasbench201").probe(count))
    values = latency(CELLS.parse_many(cells))
    measurements = [
        {"architecture": cell, "value": float(value)} for cell, value in zip(cells, values, strict=True)
    ]
    return {"name": "board", "space": "nasbench201", "measurements": measurements} | change


def add(server, **change):
    return server.http.post("/v1/devices", json=body(**change))


def predict(server, cells, device="board"):
    metrics = [{"metric": "params_m"}, {"metric": "latency_ms", "device": device}]
    request = {"space": "nasbench201", "architectures": cells, "metrics": metrics, "layout": "columns"}
    return server.http.post("/v1/predict", json=request)


def test_probe_then_add_then_predict(own):
    probed = own.http.get("/v1/spaces/nasbench201/probe", params={"metric": "latency_ms", "count": 12}).json()
    assert (probed["space"], probed["metric"]) == ("nasbench201", "latency_ms")
    cells = probed["architectures"]
    assert len(set(cells)) == 12
    values = latency(CELLS.parse_many(cells)).tolist()
    measurements = [{"architecture": c, "value": v} for c, v in zip(cells, values, strict=True)]
    answer = own.http.post(
        "/v1/devices", json={"name": "board", "space": "nasbench201", "measurements": measurements}
    )
    assert answer.status_code == 201, answer.text
    added = answer.json()
    assert (added["device"], added["measurements"], added["metric"]) == ("board", 12, "latency_ms")
    assert added["cross_validation"]["spearman"] > 0.9
    assert 0.5 < added["cross_validation"]["coverage"] <= 1
    codes = CELLS.sample(200, np.random.default_rng(1))
    found = predict(own, CELLS.format(codes)).json()
    assert list(found["predictions"]) == ["params_m", KEY]
    assert found["models"] == {"params_m": "exact", KEY: added["model"]}
    mean = np.array(found["predictions"][KEY]["mean"])
    assert np.corrcoef(mean, latency(codes))[0, 1] > 0.95
    assert np.all(np.array(found["predictions"][KEY]["lower"]) <= mean)


def test_devices_are_listed_beside_those_of_the_tables(own):
    before = own.http.get("/v1/devices", params={"limit": 100}).json()["devices"]
    add(own)
    after = own.http.get("/v1/devices", params={"limit": 100}).json()["devices"]
    (new,) = [device for device in after if device not in before]
    assert (new["name"], new["metrics"], new["measurements"]) == ("board", [KEY], 12)
    assert len(after) == len(before) + 1
    assert own.http.get("/v1/devices", params={"space": "gnn"}).json()["devices"][0]["measurements"] is None


def test_measuring_again_replaces_and_names_another_model(own):
    first = add(own).json()["model"]
    assert add(own).json()["model"] == first
    second = add(own, count=20).json()
    assert second["measurements"] == 20 and second["model"] != first
    cell = [CELLS.example]
    assert predict(own, cell).json()["models"][KEY] == second["model"]


def test_a_device_is_its_tenants_alone(own):
    own.store.put_device("nasbench201", "board", "latency_ms", [("x", 1.0)], tenant_id="another")
    assert "board" not in own.http.get("/v1/devices", params={"limit": 100}).text
    problem(predict(own, [CELLS.example]), 422, "metrics[1].device")


def test_a_design_carries_the_measurements_of_the_device_that_it_names(own):
    add(own)
    add(own, name="unused")
    order = {
        "space": "nasbench201",
        "task": "cifar10",
        "constraints": [{"metric": "latency_ms", "device": "board", "max": 3.0}],
    }
    answer = own.http.post("/v1/designs", json=order)
    assert answer.status_code == 202, answer.text
    request = DesignRequest.from_dict(own.store.job(answer.json()["id"]).payload)
    (device,) = request.measured
    assert (device.name, len(device.measurements)) == ("board", 12)
    assert DesignRequest.from_dict(request.to_dict()) == request
    order["constraints"][0]["device"] = "nothing"
    problem(own.http.post("/v1/designs", json=order), 422, "constraints[0].device")
    measured_in_table = order | {"evaluations": 4, "evaluator": "table", "task": "cifar10-fp32"}
    measured_in_table["constraints"][0]["device"] = "board"
    assert own.http.post("/v1/designs", json=measured_in_table).status_code == 202


def test_few_measurements_promise_nothing_but_are_taken(own):
    added = add(own, count=2).json()
    assert added["cross_validation"] == {"spearman": None, "coverage": None}
    answer = predict(own, [CELLS.example]).json()["predictions"][KEY]
    assert answer["lower"] == [None] and answer["mean"][0] > 0


def changed(index, **change):
    """Twelve measurements, one of them changed."""
    measurements = body()["measurements"]
    return {"measurements": [m | change if i == index else m for i, m in enumerate(measurements)]}


def first(place):
    """The measurement in this place, counted from one."""
    return body()["measurements"][place - 1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda: {"measurements": body(1)["measurements"]}, "measurements"),
        (lambda: {"measurements": []}, "measurements"),
        (lambda: changed(2, value=0.0), "measurements[2].value"),
        (lambda: changed(2, value=-1.0), "measurements[2].value"),
        (lambda: changed(2, value="3"), "measurements[2].value"),
        (lambda: changed(3, architecture=first(2)["architecture"]), "measurements[3].architecture"),
        (lambda: changed(3, **first(2)), "measurements[3].architecture"),
        (lambda: changed(4, architecture="|nothing~0|"), "measurements[4].architecture"),
        (lambda: {"measurements": [m | {"value": 2.0} for m in body()["measurements"]]}, "measurements"),
        (lambda: {"space": "nowhere"}, "space"),
        (lambda: {"space": "gnn"}, "space"),
        (lambda: {"metric": "energy_mj"}, "metric"),
        (lambda: {"name": "fpga"}, "name"),
        (lambda: {"name": "worker"}, "name"),
        (lambda: {"name": "a/b"}, "name"),
        (lambda: {"name": "a@b"}, "name"),
        (lambda: {"tenant_id": "other"}, "tenant_id"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_names_its_field(server, change, field):
    problem(server.http.post("/v1/devices", json=body() | change()), 422, field)
    assert server.store.devices() == []


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none_are_refused(server, value):
    text = (
        '{"name": "board", "space": "nasbench201", "measurements": [{"architecture": '
        f'"{CELLS.example}", "value": {value}}}]}}'
    )
    headers = {"content-type": "application/json"}
    answer = server.http.post("/v1/devices", content=text, headers=headers)
    assert answer.status_code in (400, 422) and answer.headers["content-type"] == "application/problem+json"


def test_a_tenant_has_no_more_devices_than_allowed(own):
    for index in range(MAX_DEVICES):
        own.store.put_device("fbnet", f"d{index}", "latency_ms", [("x", 1.0)])
    problem(add(own), 409)


@pytest.mark.parametrize(
    ("space", "params", "status", "field"),
    [
        ("nowhere", {}, 404, None),
        ("gnn", {}, 422, "space"),
        ("nasbench201", {"metric": "energy_mj"}, 422, "metric"),
        ("nasbench201", {"count": 0}, 422, "count"),
        ("nasbench201", {"count": 101}, 422, "count"),
    ],
)
def test_a_probe_that_makes_no_sense_is_refused(server, space, params, status, field):
    problem(server.http.get(f"/v1/spaces/{space}/probe", params=params), status, field)


def test_a_device_of_ones_own_can_be_removed_and_no_other(own):
    assert add(own).status_code == 201
    problem(own.http.delete("/v1/devices/board"), 422, "space")
    problem(own.http.delete("/v1/devices/fpga", params={"space": "nasbench201"}), 404)
    assert own.http.delete("/v1/devices/board", params={"space": "nasbench201"}).status_code == 204
    problem(own.http.delete("/v1/devices/board", params={"space": "nasbench201"}), 404)
    cells = CELLS.format(load("nasbench201").probe(2))
    problem(predict(own, cells), 422, "metrics[1].device")


def test_a_device_that_a_predictor_needs_stays(own):
    assert add(own).status_code == 201
    order = {"space": "nasbench201", "metric": "latency_ms", "device": "board", "kind": "gp"}
    answer = own.http.post("/v1/predictors", json=order | {"observations": body()["measurements"]})
    assert answer.status_code == 202, answer.text
    predictor = answer.json()["predictor"]
    refused = problem(own.http.delete("/v1/devices/board", params={"space": "nasbench201"}), 409)
    assert predictor in refused["detail"]
    assert own.http.delete(f"/v1/predictors/{predictor}").status_code == 204
    assert own.http.delete("/v1/devices/board", params={"space": "nasbench201"}).status_code == 204


def observed(server, device="board", count=4, metric="latency_ms", **order):
    """The id of a study that observed latencies of a device."""
    order = {
        "space": "nasbench201",
        "task": "cifar10",
        "constraints": [{"metric": metric, "device": device, "max": 50}],
        "evaluator": {metric: "external"},
    } | order
    study = server.http.post("/v1/studies", json=order)
    assert study.status_code == 201, study.text
    cells = CELLS.format(CELLS.sample(count, np.random.default_rng(5)))
    values = latency(CELLS.parse_many(cells)).tolist()
    told = [
        {"architecture": cell, "values": {"accuracy": 80.0, f"latency_ms@{device}": value}}
        for cell, value in zip(cells, values, strict=True)
    ]
    answer = server.http.post(f"/v1/studies/{study.json()['id']}/observe", json={"observations": told})
    assert answer.status_code == 200, answer.text
    return study.json()["id"], dict(zip(cells, values, strict=True))


def test_what_a_study_observed_joins_the_device_only_when_asked(own):
    """A study's observations stay its own until somebody asks for them."""
    assert add(own).status_code == 201
    study, values = observed(own)
    before = dict(own.store.device("nasbench201", "board").measurements)
    assert not before.keys() & values.keys()
    order = {"name": "board", "space": "nasbench201", "study": study[:12]}
    answer = own.http.post("/v1/devices", json=order)
    assert (answer.status_code, answer.json()["measurements"]) == (201, 16)
    assert dict(own.store.device("nasbench201", "board").measurements) == before | values


def test_a_study_makes_a_device_that_was_not_there(own):
    add(own, name="other")  # a study needs a device that predicts; the new one is made of observations alone
    study, values = observed(own, device="other")
    own.http.delete("/v1/devices/other", params={"space": "nasbench201"})
    answer = own.http.post("/v1/devices", json={"name": "other", "space": "nasbench201", "study": study})
    assert (answer.status_code, answer.json()["measurements"]) == (201, len(values))


def test_a_study_that_says_nothing_of_the_device_is_refused_by_its_name(own):
    assert add(own).status_code == 201
    study, _ = observed(own)
    order = {"name": "board", "space": "nasbench201", "study": study}
    for change, status, field in (
        ({"name": "phone"}, 422, "study"),
        ({"space": "fbnet"}, 422, "study"),
        ({"measurements": body()["measurements"]}, 422, "measurements"),
        ({"study": "0" * 8}, 404, None),
    ):
        answer = problem(own.http.post("/v1/devices", json=order | change), status)
        assert field is None or answer["errors"][0]["field"] == field
