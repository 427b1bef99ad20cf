"""Intervals of a search's own corrections of a model."""

import numpy as np
import pytest

from predictors.kinds.gbdt import GbdtPredictor
from search.bo.prior_mean import CHOSEN_FROM, PriorMean
from spaces.known import get_space
from spaces.metric import Quantity

CELLS = get_space("nasbench201")
CODES = CELLS.sample(460, np.random.default_rng(0))
DEPTH = CELLS.statistics(CODES)["depth"] + 0.3 * np.random.default_rng(1).normal(size=len(CODES))
TRUTH = 3.0 * DEPTH + 20.0
"""What is observed: another unit and level than what the model learned."""


@pytest.fixture(scope="module")
def base():
    return GbdtPredictor(CELLS).fit(CODES[:60], DEPTH[:60])


def prior(base, same):
    return PriorMean(CELLS, base=base, quantity=Quantity("latency_ms", device="d"), same=same)


def test_an_interval_is_promised_once_the_scale_is_known(base):
    codes = CODES[100:110]
    model = prior(base, same=False)
    assert np.isnan(model.predict(codes).lower).all()
    few = prior(base, same=False).fit(CODES[60 : 60 + CHOSEN_FROM - 1], TRUTH[60 : 60 + CHOSEN_FROM - 1])
    assert np.isnan(few.predict(codes).lower).all()
    enough = prior(base, same=False).fit(CODES[60:80], TRUTH[60:80]).predict(codes)
    assert (enough.lower < enough.mean).all() and (enough.mean < enough.upper).all()


def test_the_interval_before_observations_is_that_of_the_model(base):
    found, told = prior(base, same=True).predict(CODES[:20]), base.predict(CODES[:20])
    assert (found.lower == told.lower).all() and (found.upper == told.upper).all()


def test_intervals_hold_the_truth_about_as_often_as_they_say(base):
    inside = []
    for start in range(60, 160, 20):
        model = prior(base, same=False).fit(CODES[start : start + 20], TRUTH[start : start + 20])
        found = model.predict(CODES[200:])
        inside.append(np.mean((found.lower <= TRUTH[200:]) & (TRUTH[200:] <= found.upper)))
    assert 0.8 < np.mean(inside) < 0.99


def test_errors_larger_than_expected_widen_the_interval(base):
    rng = np.random.default_rng(2)
    wild = 3.0 * CELLS.statistics(CODES)["params_m"] + rng.standard_cauchy(len(CODES))
    calm = prior(base, same=False).fit(CODES[60:100], TRUTH[60:100])
    torn = prior(base, same=False).fit(CODES[60:100], wild[60:100])
    assert torn._stretch > calm._stretch >= 1.0
