"""Constants of the search are chosen on what evaluates none of its figures."""

import numpy as np
import pytest

from experiments.framework.constants import CONSTANTS
from experiments.search.constants import KINDS, LENGTHS, correlation, invented
from search.bo.inputs import COST_LENGTH, POSITIONAL_LENGTH
from spaces.known import get_space

SEEDS = 3


def test_no_latency_chose_where_the_lengthscales_of_costs_are_looked_for():
    (entry,) = [constant for constant in CONSTANTS if constant.name == "COST_LENGTH"]
    assert entry.chosen_on == () and COST_LENGTH in LENGTHS


def test_costs_are_told_better_with_their_own_lengthscale_and_without_a_table():
    """By about .1 over six draws; the bound leaves room for another processor's rounding."""
    own, other = (
        [correlation(None, kind, length, seed) for kind in ("operations", "first") for seed in range(SEEDS)]
        for length in (COST_LENGTH, POSITIONAL_LENGTH)
    )
    assert np.mean(own) > np.mean(other) + 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_invented_costs_are_positive_and_differ(kind):
    codes = get_space("gnn").sample(60, np.random.default_rng(0))
    costs = [invented(kind, codes, np.random.default_rng(seed)) for seed in (0, 1)]
    assert all((cost > 0).all() and cost.shape == (60,) and cost.std() > 0 for cost in costs)
    assert not np.allclose(*costs)
