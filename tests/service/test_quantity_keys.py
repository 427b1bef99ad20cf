"""A quantity may be written as its key wherever it may be written as an object."""

import pytest
from api_server import problem

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|none~2|"
AS_OBJECTS = [{"metric": "accuracy", "task": "cifar10-fp32"}, {"metric": "params_m"}]
AS_KEYS = ["accuracy@cifar10-fp32", "params_m"]


@pytest.mark.parametrize("written", [AS_KEYS, [{"metric": key} for key in AS_KEYS]])
def test_designs_and_studies_take_keys(server, written):
    bound = {"metric": "accuracy@cifar10-fp32", "min": 80.0}
    order = {
        "space": "nasbench201",
        "task": "cifar10-int8-ptq",
        "objectives": written,
        "constraints": [bound],
    }
    job = server.http.post("/v1/designs", json=order).json()
    meant = order | {
        "objectives": AS_OBJECTS,
        "constraints": [{"metric": "accuracy", "task": "cifar10-fp32", "min": 80.0}],
    }
    same = server.http.post("/v1/designs", json=meant).json()
    payloads = [server.store.job(each["id"]).payload for each in (job, same)]
    assert payloads[0] == payloads[1]
    assert server.http.post("/v1/studies", json=order).status_code == 201


def test_predictions_take_keys(server):
    asked = {"space": "nasbench201", "architectures": [CELL], "metrics": AS_KEYS}
    answer = server.http.post("/v1/predict", json=asked).json()
    assert set(answer["predictions"][0]) == set(AS_KEYS)


def test_what_is_no_key_is_refused(server):
    asked = {"space": "nasbench201", "architectures": [CELL]}
    problem(server.http.post("/v1/predict", json=asked | {"metrics": ["accuracy@a@b@c"]}), 422, "metrics[0]")
    problem(server.http.post("/v1/predict", json=asked | {"metrics": ["speed@x"]}), 422, "metrics[0].metric")
    twice = [{"metric": "accuracy@cifar10", "task": "cifar100"}]
    body = problem(server.http.post("/v1/predict", json=asked | {"metrics": twice}), 422)
    assert "contradict" in body["detail"]
