r"""How sure it is that predicted bounds hold for architectures that were chosen for looking good.

A model's probability of being within a bound is right on average over all architectures. Those that a search
returns are not average: among many that look alike it prefers the one that is good *because* it is larger or
slower than predicted. So each bound's chance of being missed is doubled, as if the error could lie on either
side and the search had picked the worse one; the chances of several bounds add up (Bonferroni), since a
model's errors for one architecture need not be independent of another's.
"""

from collections.abc import Container, Mapping, Sequence

import numpy as np

from predictors.calibration.feasibility import feasible_probability
from predictors.predictor import Predictor
from search.problem import Problem
from spaces.metric import Constraint
from spaces.space import Bools, Codes, Floats

SELECTION = 2.0
"""Factor on the chance of a miss. Two is the two sides of an error, and no figure was tuned with it."""
LEAST = 1e-12

Models = Mapping[str, Predictor]


def confidence(problem: Problem, models: Models, codes: Codes) -> Floats:
    """A lower estimate of P(every predicted bound holds) for chosen codes (b, v), (b,)."""
    return confidence_of(problem.predicted_constraints, models, codes)


def confidence_of(bounds: Sequence[Constraint], models: Models, codes: Codes) -> Floats:
    """A lower estimate of P(every one of some bounds holds) for chosen codes (b, v), (b,)."""
    missed = np.zeros(len(codes))
    for bound in bounds:
        missed += 1.0 - feasible_probability(models[bound.quantity.key], codes, bound)
    result: Floats = np.clip(1.0 - SELECTION * missed, 0.0, 1.0)
    return result


def bounds_of(problem: Problem, keys: Container[str]) -> tuple[Constraint, ...]:
    """A problem's bounds on some quantities, by their keys."""
    return tuple(bound for bound in problem.predicted_constraints if bound.quantity.key in keys)


def confident(problem: Problem, sure: Floats) -> Bools:
    """Which of the confidences (b,) are what the problem asks for."""
    return sure >= problem.confidence


def log_confidence(problem: Problem, models: Models, codes: Codes) -> Floats:
    """What steers towards the bounds: the log probability (b,) of holding them, doubled misses included.

    Where the estimate is 0 the plain probability still shows what is nearer.
    """
    total = np.zeros(len(codes))
    for bound in problem.predicted_constraints:
        held = feasible_probability(models[bound.quantity.key], codes, bound)
        total += np.log(np.maximum(held, LEAST))
        # Twice the odds against: steep where the plain probability is under one half.
        total += np.log(np.maximum(1.0 - np.minimum(SELECTION * (1.0 - held), 1.0), 1e-3))
    return total
