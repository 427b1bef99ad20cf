"""Studies: what a model predicts need not be told, holds bounds before anything is tried, and is refined."""

import numpy as np
import pytest

from predictors.devices.measured import MeasuredDevice
from predictors.devices.shipped import load
from search.request.design_request import DesignRequest, InvalidRequest
from search.study import parse_study, read_observations, strategy_of
from search.trial import CompletedTrial
from spaces.known import get_space

CELLS = get_space("nasbench201")
EVERY = CELLS.enumerate()
ACCURACY = "accuracy@cifar10"


def truth(codes) -> np.ndarray:
    known = load("nasbench201").known
    relative = known.relative(codes)[:, [known.names.index("pixel2"), known.names.index("samsung_s7")]]
    return np.maximum(3 * relative.mean(axis=1), 0.1)


def phone(factor: float = 1.0) -> MeasuredDevice:
    cells = load("nasbench201").probe(10)
    pairs = tuple(zip(CELLS.format(cells), (factor * truth(cells)).tolist(), strict=True))
    return MeasuredDevice("nasbench201", "phone", "latency_ms", pairs)


BOUND = float(np.quantile(truth(EVERY), 0.25))


def study(device: str = "phone", own: MeasuredDevice | None = None, **more: object) -> DesignRequest:
    bound = {"metric": "latency_ms", "device": device, "max": BOUND}
    body = {"space": "nasbench201", "task": "cifar10", "constraints": [bound], "seed": 1} | more
    return parse_study(body, measured=[] if own is None else [own])


def told(request: DesignRequest, *items: dict[str, object]) -> list[CompletedTrial]:
    return [CompletedTrial(seen) for seen in read_observations(request.problem(), items)]


def test_sources_of_a_study():
    assert study(own=phone()).sources == {ACCURACY: "external", "latency_ms@phone": "model"}
    assert study().sources["latency_ms@phone"] == "external"
    assert study("fpga").sources["latency_ms@fpga"] == "model"
    assert study("fpga", evaluator="external").sources["latency_ms@fpga"] == "external"
    assert study("fpga", evaluator={"accuracy": "model"}).sources[ACCURACY] == "model"


@pytest.mark.parametrize(
    ("evaluator", "field"),
    [
        ({"latency_ms": "model"}, "constraints[0]"),
        ({"latency_ms": "table"}, "evaluator.latency_ms"),
        ({"sharpness": "model"}, "evaluator.sharpness"),
        ("training", "evaluator"),
    ],
)
def test_what_is_no_source_of_a_study_is_refused(evaluator, field):
    with pytest.raises(InvalidRequest) as caught:
        study("unknown-phone", evaluator=evaluator)
    (error,) = caught.value.errors
    assert error.field == field and error.hint


def test_a_latency_that_a_model_predicts_need_not_be_told():
    request = study(own=phone())
    trials = told(request, {"architecture": CELLS.example, "values": {"accuracy": 90.0}})
    assert set(trials[0].observation.values) == {ACCURACY}
    strategy = strategy_of(request, None)
    strategy.observe(trials)
    (seen,) = strategy.finished()
    mean = phone().predictor().predict(CELLS.parse(CELLS.example)[None]).mean[0]
    assert seen.values["latency_ms@phone"] == pytest.approx(mean)


@pytest.mark.parametrize("strategy", ["bayes", "random", "transfer"])
def test_what_is_suggested_holds_the_bound(strategy):
    suggested = strategy_of(study(own=phone(), strategy=strategy), None).suggest(6)
    assert (truth(CELLS.parse_many(suggested)) <= BOUND).all()


@pytest.mark.parametrize("device", ["phone", "fpga"])
def test_own_measurements_refine_the_model_of_this_study_alone(device):
    """The phone turns out to be a fifth slower as it was measured before."""
    request = study(device, own=phone() if device == "phone" else None)
    strategy = strategy_of(request, None)
    key = f"latency_ms@{device}"
    before = strategy.problem.predictions.mean(strategy.problem.predicted[0], EVERY)
    names = strategy.suggest(6)
    slow = 1.2 * strategy.problem.predictions.mean(strategy.problem.predicted[0], CELLS.parse_many(names))
    items = [
        {"architecture": name, "values": {"accuracy": 80.0 + row, key: float(slow[row])}}
        for row, name in enumerate(names)
    ]
    trials = told(request, *items)
    strategy.observe(trials[:3])
    strategy.observe(trials[3:])
    after = strategy.problem.predictions.mean(strategy.problem.predicted[0], EVERY)
    assert not (after == before).all()
    learned = strategy.problem.predictions.mean(strategy.problem.predicted[0], CELLS.parse_many(names))
    assert np.abs(learned - slow).mean() < 0.6 * np.abs(slow / 1.2 - slow).mean()
    assert {seen.values[key] for seen in strategy.finished()} == set(map(float, slow))
    # Resumed, it is the same search: its own measurements are replayed.
    again = strategy_of(DesignRequest.from_dict(request.to_dict()), None)
    again.observe(trials)
    assert again.suggest(3) == strategy.suggest(3)
    # The tenant's device, and another study, are as they were.
    other = strategy_of(request, None)
    assert (other.problem.predictions.mean(other.problem.predicted[0], EVERY) == before).all()


def test_an_architecture_that_was_measured_again_counts_by_the_last_measurement():
    device = phone()
    cell, value = device.measurements[0]
    refined = MeasuredDevice(
        *("nasbench201", "x", "latency_ms"), (*device.measurements[1:], (cell, 2 * value))
    )
    learned = device.predictor().__class__(CELLS)
    codes = CELLS.parse_many(name for name, _ in device.measurements)
    learned.fit(codes, np.array([each for _, each in device.measurements]))
    learned.refine(codes[:1], np.array([2 * value]))
    assert learned.predict(EVERY[:9]).mean == pytest.approx(refined.predictor().predict(EVERY[:9]).mean)
