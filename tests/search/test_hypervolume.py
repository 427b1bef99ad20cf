"""Hypervolume and its expected improvement agree with what they are by definition."""

import numpy as np
import pytest

from search.hypervolume import boxes, expected_improvement, hypervolume
from search.pareto import crowding, fronts, pareto_front


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_the_expected_improvement_agrees_with_monte_carlo(objectives):
    rng = np.random.default_rng(objectives)
    scores, reference = rng.normal(size=(8, objectives)), np.full(objectives, -1.5)
    lower, upper = boxes(scores, reference)
    mean, std = rng.normal(0.3, 1, objectives), rng.uniform(0.2, 1.0, objectives)
    known = hypervolume(scores, reference)
    draws = rng.normal(mean, std, (500, objectives))
    gains = np.array([hypervolume(np.vstack([scores, draw]), reference) - known for draw in draws])
    error = 5 * gains.std() / np.sqrt(len(gains))  # five standard errors
    assert expected_improvement(mean[None], std[None], lower, upper)[0] == pytest.approx(
        gains.mean(), abs=error
    )


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_boxes_are_disjoint_and_cover_what_is_not_dominated(objectives):
    rng = np.random.default_rng(0)
    scores, reference = rng.uniform(size=(6, objectives)), np.zeros(objectives)
    lower, upper = boxes(scores, reference)
    points = rng.uniform(0, 1.2, (2000, objectives))
    inside = ((points[:, None] > lower) & (points[:, None] <= upper)).all(axis=2).sum(axis=1)
    dominated = (points[:, None] <= scores).all(axis=2).any(axis=1)
    assert (inside == (~dominated).astype(int)).all()


def test_the_volume_of_a_known_front():
    front = np.array([[1.0, 3.0, 1.0], [2.0, 2.0, 2.0], [3.0, 1.0, 1.0]])
    # By inclusion and exclusion: 3 + 8 + 3 − 2 − 2 − 1 + 1.
    assert hypervolume(front, np.zeros(3)) == pytest.approx(10.0)
    assert hypervolume(front, np.full(3, 5.0)) == 0.0


def test_fronts_peel_off_one_after_another():
    scores = np.random.default_rng(1).normal(size=(40, 2))
    numbers = fronts(scores)
    for number in range(numbers.max() + 1):
        rest = np.flatnonzero(numbers >= number)
        assert set(rest[pareto_front(scores[rest])]) == set(np.flatnonzero(numbers == number))


def test_the_loneliest_of_a_front_is_least_crowded():
    found = crowding(np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [10.0, 0.0]]))
    assert np.isinf(found[[0, 3]]).all() and found[2] > found[1]
