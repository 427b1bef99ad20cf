"""Analytic acquisitions agree with their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.acquisition import log_expected_improvement
from search.pareto import pareto_front


@pytest.mark.parametrize(("mean", "std", "best"), [(0.0, 1.0, 0.5), (2.0, 0.3, 1.9), (-1.0, 2.0, 1.0)])
def test_expected_improvement_agrees_with_monte_carlo(mean, std, best):
    draws = np.random.default_rng(0).normal(mean, std, 400_000)
    improvement = np.maximum(draws - best, 0)
    # Five standard errors of the Monte Carlo mean.
    error = 5 * improvement.std() / np.sqrt(len(draws))
    got = np.exp(log_expected_improvement(np.array([mean]), np.array([std]), best))[0]
    assert got == pytest.approx(improvement.mean(), abs=error)


@given(st.floats(-1e6, 10))
def test_log_expected_improvement_is_finite_and_rises_everywhere(z):
    low, high = log_expected_improvement(np.array([z, z + 0.1 + abs(z) * 1e-3]), np.ones(2), 0.0)
    assert np.isfinite(low) and low < high


def test_both_branches_meet():
    left, right = log_expected_improvement(np.array([-1.0 - 1e-9, -1.0 + 1e-9]), np.ones(2), 0.0)
    assert left == pytest.approx(right, abs=1e-6)
    left, right = log_expected_improvement(np.array([-1e4 - 1e-3, -1e4 + 1e-3]), np.ones(2), 0.0)
    assert left == pytest.approx(right, rel=1e-6)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_no_other_dominates(points):
    scores = np.array(points, dtype=float)
    front = pareto_front(scores)
    for row, kept in zip(scores, front, strict=True):
        dominated = any((other >= row).all() and (other > row).any() for other in scores)
        assert kept != dominated
