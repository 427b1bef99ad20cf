"""Predicted bounds at the asked confidence, although what is returned was chosen."""

import numpy as np
import pytest

from predictors.kinds.gbdt import GbdtPredictor
from search.feasibility.confidence import confidence, confident, log_confidence
from search.proposals import _order
from search.request.design_request import parse_request
from spaces.known import get_space

SPACE = get_space("nasbench201")


def problem(*bounds, share=0.9):
    body = {"space": "nasbench201", "task": "cifar10", "constraints": list(bounds), "confidence": share}
    return parse_request(body).problem()


FPGA = {"metric": "latency_ms", "device": "fpga", "max": 5.0}
PIXEL = {"metric": "latency_ms", "device": "pixel2", "max": 30.0}


@pytest.fixture(scope="module")
def world():
    """Latencies with noise that no feature explains, and models that learned 250 of them."""
    rng = np.random.default_rng(0)
    codes = SPACE.enumerate()
    costs = SPACE.statistics(codes)
    noise = rng.standard_normal(len(codes))
    latency = 1 + costs["macs_m"] / 20 * np.exp(0.15 * noise)
    learned = rng.permutation(len(codes))[:250]
    model = GbdtPredictor(SPACE, seed=0).fit(codes[learned], latency[learned])
    return codes, latency, costs["macs_m"], {"latency_ms@fpga": model, "latency_ms@pixel2": model}


def test_what_is_chosen_holds_as_often_as_promised(world):
    codes, latency, fitness, models = world
    held, claimed = [], []
    for quantile in np.linspace(0.05, 0.65, 7):
        bound = float(np.quantile(latency, quantile))
        asked = problem(FPGA | {"max": bound})
        sure = confidence(asked, models, codes)
        within = np.flatnonzero(confident(asked, sure))
        chosen = within[np.argsort(-fitness[within], kind="stable")[:20]]  # costly, and look fast
        held.append(latency[chosen] <= bound)
        claimed.append(sure[chosen])
    # 140 architectures, all of the riskiest kind.
    assert np.concatenate(held).mean() >= 0.9
    assert np.concatenate(claimed).min() >= 0.9


def test_several_bounds_are_less_sure_than_one(world):
    codes, _, _, models = world
    other = PIXEL | {"max": 7.0}
    one, both = (confidence(problem(*bounds), models, codes) for bounds in ((FPGA,), (FPGA, other)))
    assert (both <= one + 1e-12).all() and (both < one).any()
    assert confidence(problem(), models, codes).tolist() == [1.0] * len(codes)
    plain = models["latency_ms@fpga"].probability_below(codes, 5.0)
    np.testing.assert_allclose(1 - one, np.minimum(2 * (1 - plain), 1), atol=1e-12)


def test_steering_rises_with_the_confidence(world):
    codes, _, _, models = world
    asked = problem(FPGA)
    sure, pull = confidence(asked, models, codes), log_confidence(asked, models, codes)
    assert np.isfinite(pull).all() and (pull <= 0).all()
    order = np.argsort(sure, kind="stable")
    order = order[sure[order] > 0]
    assert (np.diff(pull[order]) >= -1e-9).all() and pull[order[-1]] > pull[sure == 0].max()


def test_the_first_of_several_are_spread_along_the_front():
    front = np.stack([np.linspace(0, 1, 21), 1 - np.linspace(0, 1, 21)], axis=1)
    behind = front - 0.5
    order = _order(np.concatenate([front, behind]))
    assert set(order[:21].tolist()) == set(range(21)) and sorted(order.tolist()) == list(range(42))
    assert order[:5].tolist()[:3] == [20, 0, 10] and set(order[3:5].tolist()) == {5, 15}
