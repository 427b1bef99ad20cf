"""Which observations a strategy learns from where there are thousands: the best, and an even choice of
others.

Fronts and posteriors cost by the square of the observations or more. What is left out stays taken: it is not
suggested again.
"""

from collections.abc import Sequence

import numpy as np

from search.problem import Problem
from spaces.metric import Observation

MOST = 4_000
"""Up to so many all are learned."""
EVERY = 500
"""After so many new ones the choice is made anew; between, each new one joins it. So a search that continues
from stored observations makes the same choice, and models that learned the others need not begin again."""


def chosen(problem: Problem, finished: Sequence[Observation]) -> list[Observation]:
    """At most ``MOST + EVERY`` of finished observations, in their order.

    Half of them are the best by each objective in turn, those within the bounds first; the others are evenly
    spread over the time of their observation.
    """
    if len(finished) <= MOST:
        return list(finished)
    early = len(finished) - len(finished) % EVERY
    best = _best(problem, finished[:early], MOST // 2)
    others = np.setdiff1d(np.arange(early), best, assume_unique=True)
    even = others[np.unique(np.linspace(0, len(others) - 1, MOST - len(best)).astype(np.int64))]
    rows = np.sort(np.concatenate([best, even]))
    return [*(finished[int(row)] for row in rows), *finished[early:]]


def _best(
    problem: Problem, finished: Sequence[Observation], count: int
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Rows of the best by each objective, as many of each, without repetition."""
    outside = np.array([not problem.feasible(observation) for observation in finished])
    rows: dict[int, None] = {}
    share = count // len(problem.objectives)
    for quantity in problem.objectives:
        worst = np.array([-quantity.sign * observation.values[quantity.key] for observation in finished])
        rows |= dict.fromkeys(np.lexsort((worst, outside))[:share].tolist())
    return np.array(list(rows), dtype=np.int64)
