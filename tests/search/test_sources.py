"""Every quantity of a request has one source, and what is predicted to break a bound is not evaluated."""

from dataclasses import replace

import numpy as np
import pytest

import search.testing.tabled_training  # noqa: F401  (registers an evaluator)
from predictors.devices.measured import MeasuredDevice
from predictors.devices.shipped import load
from search.design import run_design
from search.request.answerable import check_answerable
from search.request.design_request import DesignRequest, InvalidRequest, parse_request
from search.request.pins import ModelChanged
from search.run.suggested import suggested
from search.study import strategy_of
from spaces.known import get_space

CELLS = get_space("nasbench201")
COLUMN = {"tabled-training": {"column": "cifar10-int8-ptq"}}
ORDER = {
    "space": "nasbench201",
    "task": "my-images",
    "evaluator": "tabled-training",
    "evaluator_options": COLUMN,
    "evaluations": 4,
}


def truth(codes) -> np.ndarray:
    """A phone that no table has: between two of the tables' devices."""
    known = load("nasbench201").known
    relative = known.relative(codes)[:, [known.names.index("pixel2"), known.names.index("samsung_s7")]]
    return np.maximum(3 * relative.mean(axis=1), 0.1)


def phone() -> MeasuredDevice:
    cells = load("nasbench201").probe(10)
    pairs = tuple(zip(CELLS.format(cells), truth(cells).tolist(), strict=True))
    return MeasuredDevice("nasbench201", "phone", "latency_ms", pairs)


def bounded(most: float, device: str = "phone", **change: object) -> dict[str, object]:
    bound = {"metric": "latency_ms", "device": device, "max": most}
    return ORDER | {"constraints": [bound]} | change


def designed(tables, body, **options):
    request = DesignRequest.from_dict(check_answerable(parse_request(body, [phone()]), tables).to_dict())
    evaluated: list[str] = []

    def on_event(event):
        if event.kind == "observed":
            evaluated.append(event.data["architecture"])

    return run_design(request, tables=tables, on_event=on_event, **options), evaluated


def refused(tables, body) -> dict[str, tuple[str, str]]:
    with pytest.raises(InvalidRequest) as caught:
        check_answerable(parse_request(body, [phone()]), tables)
    return {error.field: (error.message, error.hint) for error in caught.value.errors}


def sources(tables, body) -> dict[str, str]:
    return check_answerable(parse_request(body, [phone()]), tables).sources


def test_an_own_device_bounds_a_training_by_default_and_by_name(tables):
    assert sources(tables, bounded(3.0)) == {
        "accuracy@my-images": "tabled-training",
        "latency_ms@phone": "model",
    }
    named = {"accuracy": "tabled-training", "latency_ms": "model"}
    assert sources(tables, bounded(3.0, evaluator=named)) == sources(tables, bounded(3.0))
    only = {"accuracy": "tabled-training"}
    assert sources(tables, bounded(3.0, evaluator=only)) == sources(tables, bounded(3.0))


def test_a_shipped_device_bounds_a_training(tables):
    assert sources(tables, bounded(3.0, "fpga"))["latency_ms@fpga"] == "model"


def test_exact_costs_go_before_everything_and_a_table_before_a_model(tables):
    bounds = [{"metric": "params_m", "max": 0.8}, {"metric": "latency_ms", "device": "phone", "max": 3.0}]
    body = {"space": "nasbench201", "task": "cifar10-int8-ptq", "evaluator": "table", "evaluations": 3}
    found = sources(tables, body | {"constraints": bounds})
    assert found == {
        "accuracy@cifar10-int8-ptq": "table",
        "params_m": "exact",
        "latency_ms@phone": "model",
    }
    by_model = sources(tables, body | {"evaluator": {"accuracy": "table", "latency_ms": "model"}} | {
        "constraints": [{"metric": "latency_ms", "device": "fpga", "max": 3.0}]
    })  # fmt: skip
    assert by_model["latency_ms@fpga"] == "model"


@pytest.mark.parametrize("strategy", ["bayes", "random", "evolution", "local", "annealing"])
def test_no_evaluation_breaks_a_predicted_bound_and_values_say_their_source(tables, strategy):
    everyone = CELLS.enumerate()
    bound = float(np.quantile(truth(everyone), 0.25))
    outcome, evaluated = designed(tables, bounded(bound, strategy=strategy, evaluations=8, count=3))
    assert outcome.state == "succeeded" and len(evaluated) == 8
    assert (truth(CELLS.parse_many(evaluated)) <= bound).all()
    assert outcome.result["sources"] == {
        "accuracy@my-images": {"source": "tabled-training"},
        "latency_ms@phone": {"source": "model", "model": "device phone"},
    }
    for row in outcome.result["architectures"]:
        assert row["metrics"]["accuracy@my-images"]["source"] == "measured"
        latency = row["metrics"]["latency_ms@phone"]
        assert (latency["source"], latency["model"]) == ("predicted", "device phone")
        assert 0.9 <= row["feasible_probability"] <= 1.0
    assert outcome.result["models"]["latency_ms@phone"] == phone().predictor().digest()


def test_where_nothing_holds_the_most_probable_is_returned_and_nothing_trained(tables):
    outcome, evaluated = designed(tables, bounded(0.01))
    assert (outcome.state, evaluated, outcome.result["evaluated"]) == ("infeasible", [], 0)
    nearest = outcome.result["nearest"]
    assert nearest["source"] == "predicted" and nearest["feasible_probability"] < 0.9
    means = phone().predictor().predict(CELLS.enumerate()).mean
    assert nearest["values"]["latency_ms@phone"] == pytest.approx(means.min())
    (gap,) = outcome.result["gaps"]
    assert gap["constraint"] == "latency_ms@phone" and gap["gap"] > 0


def test_an_own_device_is_an_objective_beside_a_training(tables):
    objectives = [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "phone"}]
    outcome, evaluated = designed(tables, ORDER | {"objectives": objectives, "evaluations": 8, "count": 4})
    assert outcome.state == "succeeded" and len(evaluated) == 8
    rows = outcome.result["architectures"]
    assert {row["metrics"]["latency_ms@phone"]["source"] for row in rows} == {"predicted"}
    assert outcome.result["pareto"]


def test_a_quantity_without_a_source_is_refused_with_what_would_give_it_one(tables):
    body = ORDER | {"constraints": [{"metric": "energy_mj", "device": "phone", "max": 1.0}]}
    (field,) = refused(tables, body)
    assert field.startswith("constraints[0]")
    unmeasured = [{"metric": "latency_ms", "device": "a100", "max": 1}]
    mnas = {"space": "mnasnet", "task": "imagenet", "evaluations": 0, "constraints": unmeasured}
    message, hint = refused(tables, mnas)["constraints[0]"]
    assert "no model predicts latency_ms@a100" in message
    assert "allow evaluations" in hint and "throughput_ips@a100" in hint


def test_an_evaluator_that_is_asked_for_a_metric_is_not_replaced_by_a_model(tables):
    """There are no images here: nobody who asked for a training gets a prediction instead."""
    body = {"space": "nasbench201", "task": "cifar10-int8-ptq", "evaluations": 2, "evaluator": "training"}
    latency = {"constraints": [{"metric": "latency_ms", "device": "fpga", "max": 3.0}]}
    message, _ = refused(tables, body | latency)["objectives[0]"]
    assert "no images" in message


def test_evaluations_that_would_measure_nothing_are_refused(tables):
    body = {"space": "nasbench201", "task": "cifar10-int8-ptq", "evaluations": 2}
    assert "evaluations" in refused(tables, body | {"evaluator": "model"})


def test_a_search_continues_as_if_never_interrupted(tables):
    bound = float(np.quantile(truth(CELLS.enumerate()), 0.25))
    seen = []
    request = check_answerable(parse_request(bounded(bound, evaluations=7), [phone()]), tables)
    whole = run_design(request, tables=tables, on_event=lambda event: seen.extend(event.observations))
    again = []
    stored = seen[:6]
    resumed = run_design(
        DesignRequest.from_dict(request.to_dict()),
        tables=tables,
        stored=stored,
        on_event=lambda event: again.extend(event.observations),
    )
    assert [each.architecture for each in again] == [each.architecture for each in seen[6:]]
    assert resumed.result["architectures"] == whole.result["architectures"]


def test_no_share_is_explored_unless_asked_for(tables):
    """With a share, some evaluations hold the bound only as probably as not; in the result none does."""
    bound = float(np.quantile(truth(CELLS.enumerate()), 0.25))
    device = phone().predictor()

    def unsure(exploration: float) -> int:
        order = bounded(bound, strategy="random", evaluations=200, exploration=exploration)
        strategy = strategy_of(check_answerable(parse_request(order, [phone()]), tables), None)
        strict = strategy.problem
        names = [name for _ in range(2) for name in suggested(strategy, 60)]
        assert strategy.problem is strict
        miss = 1 - device.probability_below(CELLS.parse_many(names), bound)
        assert (miss < 0.5).all()
        return int((1 - 2 * miss < 0.9).sum())

    assert unsure(0.0) == 0
    assert unsure(1.0) > 0
    outcome, _ = designed(tables, bounded(bound, strategy="random", evaluations=6, exploration=1.0))
    assert all(row["feasible_probability"] >= 0.9 for row in outcome.result["architectures"])


def test_a_search_that_began_with_another_model_is_not_resumed_in_silence(tables):
    seen = []
    request = check_answerable(parse_request(bounded(3.0), [phone()]), tables)
    assert set(request.pins) == {"devices", "nasbench201/accuracy@cifar10"}
    run_design(request, tables=tables, on_event=lambda event: seen.extend(event.observations))
    changed = replace(request, pins=request.pins | {"devices": "sha256:another"})
    with pytest.raises(ModelChanged, match="devices"):
        run_design(changed, tables=tables, stored=seen[:2])
    # What was not begun simply begins with what ships now.
    assert run_design(changed, tables=tables).state == "succeeded"
