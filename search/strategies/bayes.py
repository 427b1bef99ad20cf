"""Bayesian optimization: Gaussian processes over training-free features, acquisition functions of BoTorch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from predictors.predictor import Predictor
from search.bo.candidates import LISTED, is_free, listed, pooled, promising, rows_of
from search.bo.prior import PriorSearch, accepts_priors
from search.problem import Problem
from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from spaces.metric import Observation
from spaces.space import Bools, Codes

if TYPE_CHECKING:
    from search.bo.acquisition import BatchAcquisition
    from search.bo.surrogates import MakeModel, Surrogates

INITIAL = 5
"""Architectures before the first model."""
FANTASIES = 256
"""Pending trials, the latest, that are fantasies; others are only taken. With more than two
measured quantities fewer, since each surrogate learns every one of them.
"""
PROMISING = 0.02
"""Share of the architectures, by zero-cost proxies, that the first ones are drawn from.

The best cell of NAS-Bench-201 ranks 309th by them and 312 are kept; what .01, .05 and all would cost is in
``netwright compare constants``: less than the seeds differ.
"""


@STRATEGIES.register
class BayesStrategy(Strategy):
    """Constrained expected improvement; with several objectives, of the hypervolume.

    All architectures of a space of at most 100,000 are candidates. In a larger one the candidates are what a
    steered generator proposes and the neighbourhoods of the best (:mod:`search.bo.candidates`). Every
    quantity is learned on its normal scores, so that neither outliers (a network that does not learn at all)
    nor a ceiling bend it. :mod:`search.bo.acquisition` compares the candidates. Evaluations of a lower
    fidelity are an input of the surrogates (Kennedy & O'Hagan 2000). The first architectures are drawn from
    those that zero-cost proxies rank first, where proxies ship.

    Args:
        make_model: makes the surrogate of a quantity, in place of ours: inputs (n, f) and normal scores (n,
            1) → a fitted BoTorch model with ``condition_on_observations``.
    """

    name = "bayes"

    def __init__(
        self,
        problem: Problem,
        *,
        seed: int = 0,
        flat: bool = False,
        make_model: "MakeModel | None" = None,
    ) -> None:
        super().__init__(problem, seed=seed, flat=flat)
        self.make_model = make_model
        self.expectation: dict[str, dict[str, dict[str, float]]] = {}
        self.prior: PriorSearch | None = None
        self.share = PROMISING
        self._surrogates: Surrogates | None = None

    def accept_prior(self, prior: Predictor) -> None:
        """See :class:`search.abilities.AcceptsPrior`."""
        self.accept_priors({self.problem.objectives[0].key: prior})

    def accept_priors(self, priors: Mapping[str, Predictor]) -> bool:
        """Begins with the priors where a whole search can: see :func:`search.bo.prior.accepts_priors`."""
        if not accepts_priors(self.problem, priors, self.flat):
            return False
        self.prior = PriorSearch(self.problem, priors, self.seed)
        return True

    def problem_changed(self) -> None:
        """See :meth:`search.strategy.Strategy.problem_changed`."""
        if self._surrogates is not None:
            self._surrogates.problem = self.problem
        if self.prior is not None:
            self.prior.problem = self.problem

    def uniform_first(self, parallel: int = 1) -> int:
        """See :class:`search.abilities.StartsUniformly`."""
        promised = promising(self.problem, self.share) is not None
        return 0 if promised or self.prior is not None else INITIAL

    @property
    def surrogates(self) -> "Surrogates":
        """Made when first needed: they load torch."""
        from search.bo.surrogates import Surrogates

        if self._surrogates is None:
            self._surrogates = Surrogates(self.problem, self.make_model)
        return self._surrogates

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng, taken = self.rng(), self.taken()
        finished = self.finished()
        if self.prior is not None:
            return self._by_prior(self.prior, count, finished, taken)
        if len(finished) < INITIAL:
            return self._initial(count, rng, taken)
        _, partial, failed = self.merged()
        self.surrogates.learn(self.completed, finished, partial, failed)
        acquisition = self._acquisition(finished, taken, rng)
        chosen = acquisition.choose(count, self._free(acquisition.codes, taken))
        if not chosen:
            raise Exhausted("no further architecture within the exact bounds was found")
        names = self.problem.space.format(acquisition.codes[chosen])
        self.expectation = dict(zip(names, acquisition.predicted(chosen), strict=True))
        return names

    def _by_prior(
        self, prior: PriorSearch, count: int, finished: list[Observation], taken: Codes
    ) -> list[str]:
        names, predicted = prior.choose(count, finished, self._pending(), {row.tobytes() for row in taken})
        if not names:
            raise Exhausted("no further architecture within the exact bounds was found")
        self.expectation = dict(zip(names, predicted, strict=True))
        return names

    def predicted(self, architecture: str) -> dict[str, dict[str, float]]:
        """See :class:`search.abilities.Predicts`."""
        return self.expectation.get(architecture, {})

    def _pending(self) -> Codes:
        """Codes (w, v) of the pending trials that are fantasies."""
        most = min(FANTASIES, 2 * FANTASIES // max(len(self.problem.to_measure), 1))
        return self.problem.space.parse_many([trial.architecture for trial in self.pending[-most:]])

    def _acquisition(
        self, finished: list[Observation], taken: Codes, rng: np.random.Generator
    ) -> "BatchAcquisition":
        """The acquisition function at all candidates."""
        from search.bo.acquisition import BatchAcquisition

        pending = self._pending()

        def at(codes: Codes) -> BatchAcquisition:
            return BatchAcquisition(self.surrogates, finished, codes, pending, flat=self.flat)

        if self.problem.space.size <= LISTED:
            codes, inputs = listed(self.problem)
            return BatchAcquisition(self.surrogates, finished, codes, pending, flat=self.flat, inputs=inputs)
        observed = self.problem.space.parse_many([observation.architecture for observation in finished])
        best = observed[np.argsort(-self.fitness(finished), kind="stable")]
        return at(pooled(self.problem, lambda codes: at(codes).values(), best, taken, rng))

    def _free(self, codes: Codes, taken: Codes) -> Bools:
        """Which candidates (c,) are not taken."""
        if self.problem.space.size > LISTED:
            return is_free(codes, {row.tobytes() for row in taken})
        rows, free = rows_of(self.problem), np.ones(len(codes), dtype=bool)
        free[[row for own in taken if (row := rows.get(own.tobytes())) is not None]] = False
        return free

    def _initial(self, count: int, rng: np.random.Generator, taken: Codes) -> list[str]:
        """Promising architectures where proxies ship, uniform ones else."""
        candidates = promising(self.problem, self.share)
        if candidates is not None:
            free = candidates[is_free(candidates, {row.tobytes() for row in taken})]
            if len(free) >= count:
                return self.problem.space.format(free[rng.permutation(len(free))[:count]])
        return self.problem.space.format(self.uniform(count, rng, taken))
