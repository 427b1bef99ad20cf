"""Conformal intervals cover what they promise, and say so where they cannot."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictors.calibration.conformal import KEPT, Calibration
from predictors.prediction import Prediction


def test_quantile_is_the_ceiling_order_statistic():
    calibration = Calibration.of(np.arange(1, 20.0), np.ones(19))
    assert calibration.quantile(0.9) == 18.0  # ⌈20 · 0.9⌉ = 18th smallest
    assert calibration.quantile(0.95) == 19.0
    assert calibration.quantile(0.99) == math.inf


def test_without_a_promise_there_is_no_interval():
    prediction = Calibration.of(np.ones(5), np.ones(5)).prediction(np.zeros(2), np.ones(2), 0.9)
    assert np.isnan(prediction.lower).all() and np.isfinite(prediction.std).all()


@pytest.mark.parametrize("confidence", [0.6, 0.9])
def test_coverage_on_exchangeable_data(confidence):
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(4000):
        noise = rng.standard_t(3, size=41)
        calibration = Calibration.of(noise[:40], np.ones(40))
        covered += abs(noise[40]) <= calibration.quantile(confidence)
    # Between c and c + 1/(n+1) in expectation; four binomial standard errors either side.
    error = 4 * np.sqrt(confidence * (1 - confidence) / 4000)
    assert confidence - error <= covered / 4000 <= confidence + 1 / 41 + error


@given(st.integers(1, 1000), st.floats(0.5, 0.99))
def test_thinning_never_narrows(count, confidence):
    scores = np.sort(np.random.default_rng(count).exponential(size=count))
    full = Calibration(scores, count)
    thinned = full.thinned()
    assert len(thinned.scores) <= KEPT
    assert thinned.quantile(confidence) >= full.quantile(confidence)


def test_a_prediction_is_checked_when_it_is_made():
    one = np.ones(3)
    with pytest.raises(ValueError, match="one length"):
        Prediction(one, one, one, np.ones(2), 0.9)
    with pytest.raises(ValueError, match="finite"):
        Prediction(np.array([np.nan]), one[:1], one[:1], one[:1], 0.9)
    with pytest.raises(ValueError, match="lower"):
        Prediction(one, one, one + 1, one, 0.9)
    with pytest.raises(ValueError, match="confidence"):
        Prediction(one, one, one, one, 1.0)
