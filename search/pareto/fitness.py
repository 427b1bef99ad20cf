"""How good observations are beside each other: one number each, with bounds and several objectives."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from search.pareto.front import crowding, fronts
from search.problem import Problem, relative_gap
from spaces.metric import Observation
from spaces.space import Codes, Floats, Space


def fitness(problem: Problem, observations: Sequence[Observation]) -> Floats:
    """Fitness (n,) of finished observations, more is better.

    With one objective the fitness is its signed value. With several it is the front's number, negated, and
    within a front the crowding distance (Deb et al. 2002, NSGA-II). Observations that violate a bound come
    after all that violate none, ordered by how much they do (constrained domination, in the same paper).

    Args:
        problem: objectives and constraints.
        observations: each with every value that the problem names.
    """
    if not observations:
        return np.empty(0)
    values = np.stack([problem.signed_objectives(observation.values) for observation in observations])
    if values.shape[1] == 1:
        found = values[:, 0].copy()
    else:
        numbers = fronts(values)
        found = -numbers.astype(np.float64)
        for number in np.unique(numbers):
            of_front = np.flatnonzero(numbers == number)
            # Ranks, since distances at the ends are infinite; less than a half, so that fronts stay in order.
            found[of_front] += 0.5 * rankdata(crowding(values[of_front])) / (len(of_front) + 1)
    misses = violations(problem, observations)
    outside = misses > 0
    if outside.any():
        worst = found[~outside].min() if (~outside).any() else 0.0
        spread = float(found.max() - found.min()) or 1.0
        found[outside] = worst - spread * (1 + misses[outside])
    return found


def violations(problem: Problem, observations: Sequence[Observation]) -> Floats:
    """By how much finished observations miss their bounds, (n,), in parts of the bounds; 0 where none is."""
    misses = np.zeros(len(observations))
    for bound in problem.constraints:
        values = np.array([observation.values[bound.quantity.key] for observation in observations])
        misses += relative_gap(bound, values)
    return misses


def averaged(space: Space, codes: Codes, values: Floats) -> Floats:
    """The mean of values (n,) over each of codes (n, v) and those of its neighbours that are among them."""
    places = {row.tobytes(): index for index, row in enumerate(codes)}
    means = np.empty(len(values))
    for index, row in enumerate(codes):
        around = [places[near.tobytes()] for near in space.neighbours(row) if near.tobytes() in places]
        means[index] = values[[index, *around]].mean()
    return means
