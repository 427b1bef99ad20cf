"""Search that begins with the functions of other data sets, and adapts their weights to the observations.

:mod:`search.bo.source_posterior` states the model. The candidate with the greatest expected improvement comes
next. Each evaluation updates the weights of the data sets.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from predictors.predictor import Predictor
from predictors.transfer.graph_tasks import features_of_all, likeness, predicted_by_others, sources_of
from search.bo.candidates import LISTED, listed, rows_of
from search.problem import Problem
from search.strategies import STRATEGIES
from search.strategies.bayes import BayesStrategy
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial, values_of
from spaces.metric import Observation

if TYPE_CHECKING:
    from search.bo.source_posterior import SourcePosterior

OWN_FROM = 60
"""Observations from which on those of other data sets are no longer used."""


@STRATEGIES.register
class TransferStrategy(Strategy):
    """Expected improvement about a prior mean from other data sets.

    Where no other data set is used (other spaces, several objectives, bounds that must be measured), and
    after :data:`OWN_FROM` observations, it is :class:`.BayesStrategy`.
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

    def problem_changed(self) -> None:
        """See :meth:`search.strategy.Strategy.problem_changed`."""
        self.own.rebound(self.problem)

    def accept_prior(self, prior: Predictor) -> None:
        """Replaces the prior mean from other data sets, where the search can use a prior at all."""
        self.accept_priors({self.problem.objectives[0].key: prior})

    def accept_priors(self, priors: Mapping[str, Predictor]) -> bool:
        """The same with priors of several quantities."""
        used = self.own.accept_priors(priors)
        self.sources = () if used else self.sources
        return used

    def predicted(self, architecture: str) -> dict[str, dict[str, float]]:
        """What :class:`.BayesStrategy` predicted; empty of what the other data sets suggested."""
        return self.own.predicted(architecture)

    def uniform_first(self, parallel: int = 1) -> int:
        """See :class:`search.abilities.StartsUniformly`."""
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
            raise Exhausted("no further architecture within the exact bounds was found")
        chosen: list[int] = []
        posterior = self._posterior(finished)
        for _ in range(min(count, int(free.sum()))):
            gain = np.where(free, posterior.gain(chosen), -np.inf)
            # Drawn among candidates that are equal to the model.
            ties = np.flatnonzero(gain >= gain.max() - 1e-9)
            best = int(ties[self.rng().integers(len(ties))])
            chosen.append(best)
            free[best] = False
        return self.problem.space.format(codes[chosen])

    def _posterior(self, finished: list[Observation]) -> "SourcePosterior":
        """The posterior over the candidates after the finished observations."""
        from search.bo.source_posterior import SourcePosterior

        problem = self.problem
        quantity = problem.to_measure[0]
        assert quantity.task is not None  # as it has sources
        within = problem.gap(problem.space.enumerate()) <= 0
        functions = predicted_by_others(problem.space, quantity.task)
        weights = likeness(quantity.task, self.sources)
        mean = functions @ np.repeat(weights, functions.shape[1] // len(weights))
        codes = problem.space.parse_many([observation.architecture for observation in finished])
        values = quantity.sign * values_of(finished, quantity.key)
        known = rows_of(problem)
        rows = np.array([known.get(row.tobytes(), -1) for row in codes], dtype=np.int64)
        return SourcePosterior(
            functions[within],
            (mean / mean.std())[within],
            features_of_all(problem.space)[within],
            rows[rows >= 0].tolist(),
            values[rows >= 0],
        )
