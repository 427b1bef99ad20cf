r"""Search that begins with what other data sets tell, and adapts it to what is observed.

With z-scores :math:`u_s(a)` of what the models of other data sets say (:mod:`predictors.graph_tasks`), the
quantity is

.. math:: y(a) = o + c\Bigl(\mu(a) + \sum_s w_s u_s(a) + g(a) + \varepsilon\Bigr), \qquad
          w_s \sim \mathcal{N}(0, \tau^2), \quad g \sim \mathcal{GP}(0, \sigma^2 k)

where :math:`\mu` weighs the sources by how alike the data sets are. The scale c is the likeliest of a grid.
So a source that turns out to be alike, or not, gains or loses weight within a few evaluations.
"""

from functools import lru_cache

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from predictors.cell_kernel import kernel, scaled
from predictors.graph_tasks import likeness, sources_of, told_by_others
from search.beliefs import values_of
from search.candidates import LISTED, listed
from search.problem import Problem
from search.strategies.bayes import BayesStrategy
from search.strategy import Exhausted, Strategy, register
from spaces.metric import Observation
from spaces.space import Codes, Floats, Space

OWN_FROM = 60
"""Observations from which on those of other data sets are no longer needed."""
SOURCES = 0.35
"""Standard deviation of a source's weight."""
OWN = 0.5
"""Standard deviation of the task's own deviations, and of their noise beside it."""
NOISE = 0.3
CURIOSITY = 1.0
"""Standard deviations by which an upper confidence bound lies above the mean."""
SCALES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
LEVEL = 100.0
"""Variance of the level o."""


@register
class TransferStrategy(Strategy):
    """Upper confidence bounds about a prior mean from other data sets.

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

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        finished = self.finished()
        if not self.sources or len(finished) >= OWN_FROM:
            self.own.completed, self.own.pending = self.completed, self.pending
            return self.own.suggest(count)
        codes, _ = listed(self.problem)
        taken = {row.tobytes() for row in self.taken()}
        free = np.array([row.tobytes() not in taken for row in codes], dtype=bool)
        if not free.any():
            raise Exhausted("no further member within the exact bounds was found")
        chosen: list[int] = []
        field = _Field(self.problem, self.sources, codes, finished)
        for _ in range(min(count, int(free.sum()))):
            bound = np.where(free, field.bound(chosen), -np.inf)
            # Members that look alike to the model are drawn among.
            ties = np.flatnonzero(bound >= bound.max() - 1e-9)
            best = int(ties[self.rng().integers(len(ties))])
            chosen.append(best)
            free[best] = False
        return self.problem.space.format(codes[chosen])


class _Field:
    """The posterior over candidates (c, v) after finished observations."""

    def __init__(
        self, problem: Problem, sources: tuple[str, ...], codes: Codes, finished: list[Observation]
    ) -> None:
        quantity = problem.to_measure[0]
        assert quantity.task is not None  # as it has sources
        self.told = told_by_others(problem.space, quantity.task, codes.tobytes())  # (c, s)
        mean = self.told @ likeness(quantity.task, sources)
        self.prior = mean / mean.std()
        self.looks = _looks(problem.space, codes.tobytes())
        rows = {row.tobytes(): index for index, row in enumerate(codes)}
        seen = problem.space.parse_many([observation.architecture for observation in finished])
        places = [rows.get(row.tobytes(), -1) for row in seen]
        values = quantity.sign * values_of(finished, quantity.key) if finished else np.empty(0)
        kept = np.array([place >= 0 for place in places], dtype=bool)
        self.seen = [place for place in places if place >= 0]
        self.values = values[kept] if len(values) else values
        self._alike = self._likeness(self.seen)
        self.scale = self._likeliest()

    def bound(self, believed: list[int]) -> Floats:
        """Upper confidence bounds (c,), where some candidates are believed to come out as expected."""
        if not self.seen and not believed:
            prior: Floats = self.prior
            return prior
        mean = self.scale * self.prior
        if self.seen:
            centre = self.values.mean() - mean[self.seen].mean()
            factor = cho_factor(self._noisy(self._alike, self.seen, self.scale), lower=True)
            weights = cho_solve(factor, self.values - centre - mean[self.seen])
            mean = mean + centre + self._covariance(self._alike, self.scale) @ weights
        rows = [*self.seen, *believed]
        alike = np.concatenate([self._alike, self._likeness(believed)], axis=1) if believed else self._alike
        lower = np.linalg.cholesky(self._noisy(alike, rows, self.scale))
        solved = solve_triangular(lower, self._covariance(alike, self.scale).T, lower=True)
        own = self.scale**2 * (SOURCES**2 * (self.told**2).sum(axis=1) + OWN**2) + LEVEL
        result: Floats = mean + CURIOSITY * np.sqrt(np.maximum(own - (solved**2).sum(axis=0), 0.0))
        return result

    def _likeliest(self) -> float:
        """The scale of greatest posterior probability."""
        if len(self.seen) < 2:
            return 0.5
        losses = []
        for scale in SCALES:
            factor = cho_factor(self._noisy(self._alike, self.seen, scale), lower=True)
            prior = scale * self.prior[self.seen]
            rest = self.values - self.values.mean() - (prior - prior.mean())
            loss = 0.5 * rest @ cho_solve(factor, rest) + np.log(np.diag(factor[0])).sum()
            losses.append(float(loss) + 0.5 * np.log(scale / 0.5) ** 2)
        return SCALES[int(np.argmin(losses))]

    def _likeness(self, rows: list[int]) -> Floats:
        """Covariances (c, n) of all candidates with some at scale 1, their common level aside."""
        result: Floats = SOURCES**2 * self.told @ self.told[rows].T
        return result + OWN**2 * kernel(self.looks, self.looks[rows])

    def _noisy(self, alike: Floats, rows: list[int], scale: float) -> Floats:
        found: Floats = self._covariance(alike[rows], scale) + (scale * NOISE) ** 2 * np.eye(len(rows))
        return found

    @staticmethod
    def _covariance(alike: Floats, scale: float) -> Floats:
        return scale**2 * alike + LEVEL


@lru_cache(maxsize=4)
def _looks(space: Space, codes: bytes) -> Floats:
    """Features (c, f) of candidates, each group divided by its usual lengthscale."""
    members: Codes = np.frombuffer(codes, dtype=np.int8).reshape(-1, len(space.variables))
    return scaled(space, members)
