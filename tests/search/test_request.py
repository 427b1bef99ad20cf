"""Design requests: every error names its field and helps."""

import pytest

from search.request.design_request import InvalidRequest, parse_request

GOOD = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "constraints": [
        {"metric": "latency_ms", "device": "fpga", "max": 4.0},
        {"metric": "params_m", "max": 0.8},
    ],
    "objectives": [{"metric": "accuracy"}],
    "count": 8,
    "evaluations": 16,
    "evaluator": "table",
    "confidence": 0.9,
    "seed": 0,
}


def test_a_good_request_and_its_json_are_the_same():
    request = parse_request(GOOD)
    assert [bound.quantity.key for bound in request.constraints] == ["latency_ms@fpga", "params_m"]
    assert request.objectives[0].quantity.key == "accuracy@cifar10-int8-ptq"
    assert parse_request(request.to_dict()) == request


def test_costs_carry_the_task_where_they_depend_on_it():
    request = parse_request(
        {
            "space": "gnn",
            "task": "arxiv",
            "constraints": [
                {"metric": "latency_ms", "device": "gpu", "max": 40},
                {"metric": "params_m", "max": 1},
            ],
        }
    )
    assert [bound.quantity.key for bound in request.constraints] == ["latency_ms@gpu@arxiv", "params_m@arxiv"]
    assert parse_request(request.to_dict()) == request


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"space": "nasbench999"}, "space"),
        ({"space": None}, "space"),
        ({"task": "mnist"}, "task"),
        ({"count": 0}, "count"),
        ({"count": 1001}, "count"),
        ({"count": True}, "count"),
        ({"count": 1.5}, "count"),
        ({"evaluations": -1}, "evaluations"),
        ({"evaluator": None}, "evaluator"),
        ({"evaluator": "oracle"}, "evaluator"),
        ({"confidence": float("nan")}, "confidence"),
        ({"confidence": 1.0}, "confidence"),
        ({"seed": 2**70}, "seed"),
        ({"tenant_id": "other"}, "tenant_id"),
        ({"constraints": {}}, "constraints"),
        ({"objectives": 0}, "objectives"),
        ({"constraints": [3]}, "constraints[0]"),
        ({"constraints": [{"metric": "params_m"}]}, "constraints[0]"),
        ({"constraints": [{"metric": "params_m", "max": float("nan")}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m", "max": float("inf")}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m", "max": 10**400}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m", "max": "1"}]}, "constraints[0].max"),
        ({"constraints": [{"metric": "params_m", "min": 2, "max": 1}]}, "constraints[0].max"),
        (
            {"constraints": [{"metric": "params_m", "min": 2}, {"metric": "params_m", "max": 1}]},
            "constraints[1].max",
        ),
        ({"constraints": [{"metric": "latency_ms", "max": 1}]}, "constraints[0].device"),
        ({"constraints": [{"metric": "latency_ms", "device": "abacus", "max": 1}]}, "constraints[0].device"),
        ({"constraints": [{"metric": "params_m", "device": "fpga", "max": 1}]}, "constraints[0].device"),
        ({"constraints": [{"metric": "sharpness", "max": 1}]}, "constraints[0].metric"),
        ({"objectives": [{"metric": "accuracy", "weight": 2}]}, "objectives[0].weight"),
    ],
)
def test_each_error_names_its_field(change, field):
    body = GOOD | change
    with pytest.raises(InvalidRequest) as caught:
        parse_request(body)
    assert field in [error.field for error in caught.value.errors]
    assert all(error.message for error in caught.value.errors)


def test_all_errors_come_at_once():
    with pytest.raises(InvalidRequest) as caught:
        parse_request(GOOD | {"task": "mnist", "count": 0, "seed": -1})
    assert {error.field for error in caught.value.errors} == {"task", "count", "seed"}
