"""Sources over HTTP: own devices and own predictors of designs and studies, and what has none."""

import numpy as np
import pytest
from api_server import problem

from predictors.devices.shipped import load
from search.request.design_request import DesignRequest
from spaces.known import get_space
from store.memory import MemoryStore

CELLS = get_space("nasbench201")
BOUND = {"metric": "latency_ms", "device": "board", "max": 4.0}
DESIGN = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "constraints": [BOUND],
    "evaluations": 2,
    "evaluator": "table",
}


@pytest.fixture
def own(serve):
    """A server with a store of its own, and a board that was measured."""
    running = serve(MemoryStore())
    known = load("nasbench201").known
    codes = load("nasbench201").probe(10)
    relative = known.relative(codes)[:, [known.names.index("fpga"), known.names.index("pixel2")]]
    values = np.maximum(3 * relative.mean(axis=1), 0.1).tolist()
    measurements = [
        {"architecture": cell, "value": value}
        for cell, value in zip(CELLS.format(codes), values, strict=True)
    ]
    body = {"name": "board", "space": "nasbench201", "measurements": measurements}
    assert running.http.post("/v1/devices", json=body).status_code == 201
    return running


def stored(running, job_id: str) -> DesignRequest:
    return DesignRequest.from_dict(running.store.job(job_id, tenant_id="default").payload)


@pytest.mark.parametrize(
    "evaluator", ["table", {"accuracy": "table"}, {"accuracy": "table", "latency_ms": "model"}]
)
def test_an_own_device_is_accepted_as_bound_beside_an_evaluator(own, evaluator):
    answer = own.http.post("/v1/designs", json=DESIGN | {"evaluator": evaluator})
    assert answer.status_code == 202, answer.text
    request = stored(own, answer.json()["id"])
    assert request.sources == {"accuracy@cifar10-int8-ptq": "table", "latency_ms@board": "model"}
    assert request.knowledge == "auto" and len(request.measured) == 1


def test_a_batch_has_sources_too(own):
    grid = {"template": DESIGN, "grid": {"constraints[0].max": [3.0, 4.0]}}
    answer = own.http.post("/v1/batches", json=grid)
    assert answer.status_code == 202, answer.text


def test_what_has_no_source_is_refused_by_its_field_with_what_would_give_it_one(own):
    bound = {"metric": "energy_mj", "device": "fpga", "max": 1.0}
    (error,) = problem(own.http.post("/v1/designs", json=DESIGN | {"constraints": [bound]}), 422)["errors"]
    assert error["field"].startswith("constraints[0]") and error["hint"]
    wrong = DESIGN | {"evaluator": {"accuracy": "model", "latency_ms": "model"}}
    (error,) = problem(own.http.post("/v1/designs", json=wrong), 422)["errors"]
    assert error["field"] == "evaluations"


def test_a_study_bounds_by_the_own_device_and_takes_observations_without_it(own):
    body = {"space": "nasbench201", "task": "cifar10", "constraints": [BOUND]}
    study = own.http.post("/v1/studies", json=body).json()
    assert study["sources"] == {"accuracy@cifar10": "external", "latency_ms@board": "model"}
    url = f"/v1/studies/{study['id']}"
    (first,) = own.http.post(f"{url}/suggest", json={"client_id": "a"}).json()["suggestions"]
    told = {"architecture": first["architecture"], "values": {"accuracy": 91.0}}
    assert own.http.post(f"{url}/observe", json={"observations": [told]}).status_code == 200
    (best,) = own.http.get(url).json()["best"]
    assert best["architecture"] == first["architecture"]
    # A measurement replaces the prediction, and the next suggestion knows of it.
    (second,) = own.http.post(f"{url}/suggest", json={"client_id": "b"}).json()["suggestions"]
    told = {"architecture": second["architecture"], "values": {"accuracy": 92.0, "latency_ms": 99.0}}
    assert own.http.post(f"{url}/observe", json={"observations": [told]}).status_code == 200
    assert [each["architecture"] for each in own.http.get(url).json()["best"]] == [first["architecture"]]
    assert own.http.post(f"{url}/suggest", json={"client_id": "c"}).status_code == 200


def test_predictors_that_are_named_must_be_there(own):
    answer = own.http.post(
        "/v1/designs", json=DESIGN | {"predictors": {"accuracy@cifar10-int8-ptq": "latest"}}
    )
    (error,) = problem(answer, 422)["errors"]
    assert error["field"] == "predictors.accuracy@cifar10-int8-ptq"
    answer = own.http.post("/v1/designs", json=DESIGN | {"predictors": {"loss": "latest"}})
    (error,) = problem(answer, 422)["errors"]
    assert "accuracy@cifar10-int8-ptq" in error["hint"]
