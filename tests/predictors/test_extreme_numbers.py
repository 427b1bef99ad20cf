"""What is accepted as a label or a measurement can be learned, written down, read again and predicted."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.reliability.numbers import EXTREME
from predictors.devices.measurements import InvalidMeasurements, check_measurements, tell_apart
from predictors.devices.shipped import load
from predictors.training.observations import read_predictor, train
from spaces.known import get_space
from spaces.metric import LEAST, METRICS, MOST, value_fault

CELLS = get_space("nasbench201")
MEMBERS = CELLS.enumerate()[np.random.default_rng(0).permutation(CELLS.size)[:200]]
ASKED = CELLS.sample(20, np.random.default_rng(1))

corners = st.sampled_from([0.0, LEAST, 2e-12, 1e-9, 1.0, 1 + 1e-9, 1 + 2**-52, 50.0, 99.9, 100.0, 1e6, 1e7])
values = st.lists(st.one_of(corners, st.floats(0, 1e7)), min_size=2, max_size=14)
searched = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def is_finite(prediction):
    """Whether mean and standard deviation are numbers, and the bounds numbers or no promise."""
    bounds = np.concatenate([prediction.lower, prediction.upper])
    return np.isfinite([prediction.mean, prediction.std]).all() and not np.isinf(bounds).any()


def accepted(metric, labels):
    return all(value_fault(metric, value) is None for value in labels) and tell_apart(labels)


@searched
@given(values)
def test_accepted_measurements_make_a_device(measured):
    codes, labels = MEMBERS[: len(measured)], np.array(measured)
    model = load("nasbench201")
    try:
        check_measurements(codes, labels)
    except InvalidMeasurements:
        return
    held_out = model.cross_validate(codes, labels)
    assert held_out.spearman is None or np.isfinite(held_out.spearman)
    device = model.fit(codes, labels)
    assert is_finite(device.predict(ASKED))
    assert np.isfinite(device.probability_below(ASKED, 1.0)).all()


@pytest.mark.parametrize("kind", ["gbdt", "gp"])
@searched
@given(labels=values, metric=st.sampled_from(["latency_ms", "cost_own"]), sign=st.sampled_from([1.0, -1.0]))
def test_accepted_labels_make_a_predictor(kind, labels, metric, sign):
    if metric == "cost_own":
        labels = [sign * 1e8 * value for value in labels]
    if accepted(metric, labels):
        learned(kind, labels)


def learned(kind, labels):
    codes = MEMBERS[: len(labels)]
    trained = train(CELLS, kind, codes, np.array(labels))
    figures = [trained.figures.spearman, trained.figures.mean_absolute_error]
    assert all(figure is None or np.isfinite(figure) for figure in figures)
    predicted = trained.predictor.predict(ASKED)
    assert is_finite(predicted)
    again = read_predictor(kind, trained.predictor.to_bytes(), CELLS)
    assert np.allclose(again.predict(ASKED).mean, predicted.mean, rtol=1e-6, atol=1e-12)
    assert np.isfinite(trained.predictor.probability_below(ASKED, 1.0)).all()
    more = trained.predictor.refine(MEMBERS[-1:], np.array(labels[:1]))
    assert is_finite(more.predict(ASKED))


@pytest.mark.parametrize("name", EXTREME)
def test_the_extreme_sets_are_refused_or_learned(name):
    labels = EXTREME[name]
    if accepted("latency_ms", labels):
        learned("gbdt", labels)
    else:
        assert name not in ("zero and one", "the ends of the range", "all magnitudes", "one far off")


@pytest.mark.parametrize("metric", [*METRICS, "cost_own", "gain_own"])
def test_each_metric_states_a_finite_range(metric):
    low, high = METRICS[metric].range
    assert -MOST <= low < high <= MOST
    for value in (low, high):
        assert value_fault(metric, value) is None
    for value in (high * 1.01, low - 1.01 * max(abs(low), 1), float("nan"), float("inf"), 1e-300, 1e308):
        assert value_fault(metric, value) is not None
