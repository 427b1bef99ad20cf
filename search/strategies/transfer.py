r"""Search that begins with what other data sets tell, and adapts it to what is observed.

With standardized :math:`u_r(a)` that the readings of other data sets say (:mod:`predictors.graph_tasks`), the
quantity is

.. math:: y(a) = o + c\Bigl(m\,\mu(a) + \sum_r w_r u_r(a) + g(a) + \varepsilon\Bigr), \qquad
          w_r \sim \mathcal{N}(0, \tau^2), \quad g \sim \mathcal{GP}(0, \sigma^2 k)

where :math:`\mu` weighs the readings by how alike the data sets are, and k compares what stands where in the
graphs, as the strategy ``bayes`` does. The scale c is the likeliest of a grid, and the candidate with the
greatest expected improvement comes next. So a data set that turns out to be alike, or not, gains or loses
weight within a few evaluations.
"""

from collections.abc import Sequence

import numpy as np
from scipy.linalg import solve_triangular

from predictors.cell_kernel import kernel
from predictors.graph_tasks import likeness, members, sources_of, told_by_others
from search.acquisition import log_expected_improvement
from search.beliefs import values_of
from search.candidates import LISTED, listed, places
from search.problem import Problem
from search.strategies.bayes import BayesStrategy
from search.strategy import Exhausted, Strategy, register
from search.trial import CompletedTrial, PendingTrial
from spaces.metric import Observation
from spaces.space import Floats

OWN_FROM = 60
"""Observations from which on those of other data sets are no longer needed."""
PRIOR = 0.5
"""The factor m: how much of what alike data sets promise is believed."""
SOURCES = 0.12
"""Standard deviation of a reading's weight."""
OWN = 0.8
"""Standard deviation of the task's own deviations, and of their noise beside it."""
NOISE = 0.4
SCALES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4, 3.2)
SCALE = 0.5
"""Where the scale is looked for."""
LEVEL = 25.0
"""Variance of the level o, in units of the scale."""


@register
class TransferStrategy(Strategy):
    """Expected improvement about a prior mean from other data sets.

    Where no other data set tells anything (other spaces, several objectives, bounds that must be measured),
    and after :data:`OWN_FROM` observations, it is :class:`.BayesStrategy`.
    """

    name = "transfer"

    def __init__(self, problem: Problem, *, seed: int = 0, flat: bool = False) -> None:
        super().__init__(problem, seed=seed, flat=flat)
        self.own = BayesStrategy(problem, seed=seed, flat=flat)
        quantity = problem.to_measure[0] if len(problem.to_measure) == 1 else None
        fits = quantity is not None and quantity.metric == "accuracy" and problem.objectives == (quantity,)
        listable = problem.space.size <= LISTED and not flat
        task = quantity.task if quantity is not None else None
        self.sources = sources_of(problem.space, task) if fits and listable else ()

    def observe(self, completed: Sequence[CompletedTrial], pending: Sequence[PendingTrial] = ()) -> None:
        """See :meth:`search.strategy.Strategy.observe`."""
        super().observe(completed, pending)
        self.own.observe(completed, pending)

    def uniform_first(self, parallel: int = 1) -> int:
        """See :meth:`search.strategy.Strategy.uniform_first`."""
        return 0 if self.sources else self.own.uniform_first(parallel)

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        finished = self.finished()
        if not self.sources or len(finished) >= OWN_FROM:
            return self.own.suggest(count)
        codes, _ = listed(self.problem)
        taken = {row.tobytes() for row in self.taken()}
        free = np.array([row.tobytes() not in taken for row in codes], dtype=bool)
        if not free.any():
            raise Exhausted("no further member within the exact bounds was found")
        chosen: list[int] = []
        field = _Field(self.problem, self.sources, finished)
        for _ in range(min(count, int(free.sum()))):
            gain = np.where(free, field.gain(chosen), -np.inf)
            # Members that look alike to the model are drawn among.
            ties = np.flatnonzero(gain >= gain.max() - 1e-9)
            best = int(ties[self.rng().integers(len(ties))])
            chosen.append(best)
            free[best] = False
        return self.problem.space.format(codes[chosen])


class _Field:
    """The posterior over candidates (c, v) after finished observations.

    In units of the scale c no covariance depends on it: it is chosen afterwards, from what they explain.
    """

    def __init__(self, problem: Problem, sources: tuple[str, ...], finished: list[Observation]) -> None:
        quantity = problem.to_measure[0]
        assert quantity.task is not None  # as it has sources
        within = problem.gap(problem.space.enumerate()) <= 0
        told = told_by_others(problem.space, quantity.task)
        weights = likeness(quantity.task, sources)
        mean = told @ np.repeat(weights, told.shape[1] // len(weights))
        self.prior = (PRIOR * mean / mean.std())[within]
        self.told, self.looks = told[within], members(problem.space)[within]  # (c, r), (c, f)
        rows = places(problem)
        codes = problem.space.parse_many([observation.architecture for observation in finished])
        found = [rows.get(row.tobytes(), -1) for row in codes]
        values = quantity.sign * values_of(finished, quantity.key) if finished else np.empty(0)
        self.seen = [place for place in found if place >= 0]
        self.values: Floats = values[np.array(found, dtype=np.int64) >= 0]

    def gain(self, believed: list[int]) -> Floats:
        """What evaluations are expected to gain (c,), some candidates believed to come out as expected."""
        rows = [*self.seen, *believed]
        if not rows:
            prior: Floats = self.prior
            return prior
        covariance = self._covariance(rows)
        factor = np.linalg.cholesky(covariance[rows] + NOISE**2 * np.eye(len(rows)))
        solved = solve_triangular(factor, covariance.T, lower=True)  # (n, c)
        own = SOURCES**2 * (self.told**2).sum(axis=1) + OWN**2 + LEVEL
        deviation = np.sqrt(np.maximum(own - (solved**2).sum(axis=0), 1e-6))
        n = len(self.seen)
        if not n:
            optimistic: Floats = self.prior + deviation
            return optimistic
        level = self.values.mean()
        values = solve_triangular(factor[:n, :n], self.values - level, lower=True)
        expected = solve_triangular(factor[:n, :n], self.prior[self.seen], lower=True)
        scale = _likeliest(values, expected)
        mean = level + scale * self.prior + (values - scale * expected) @ solved[:n]
        return log_expected_improvement(mean, scale * deviation, float(self.values.max()))

    def _covariance(self, rows: list[int]) -> Floats:
        """Of all candidates with some, (c, n)."""
        result: Floats = SOURCES**2 * self.told @ self.told[rows].T
        return result + OWN**2 * kernel(self.looks, self.looks[rows]) + LEVEL


def _likeliest(values: Floats, expected: Floats) -> float:
    """The scale of greatest posterior probability, of whitened values (n,) and prior means (n,)."""
    if len(values) < 2:
        return SCALE
    losses = [
        0.5 * float(((values - scale * expected) ** 2).sum()) / scale**2
        + len(values) * np.log(scale)
        + 0.5 * np.log(scale / SCALE) ** 2
        for scale in SCALES
    ]
    return SCALES[int(np.argmin(losses))]
