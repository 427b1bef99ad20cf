"""Bayesian optimization: a Gaussian process over training-free features, and what it expects to be gained."""

import numpy as np

from predictors.predictor import Predictor
from search.beliefs import Beliefs
from search.candidates import LISTED, is_free, listed, places, pooled, promising
from search.foretold import Foretold, is_foretold
from search.problem import Problem
from search.race import Race
from search.strategy import Exhausted, Strategy, register
from spaces.metric import Observation
from spaces.space import Bools, Codes

INITIAL = 5
"""Members before the first model."""
FANTASIES = 256
"""Pending trials that count as if they had come out as expected, the latest; others are only taken. With more
than two measured quantities fewer, since each is learned for every one of them.
"""
PROMISING = 0.02
"""Share of the architectures, by training-free scores, that the first ones are drawn from.

The best cell of NAS-Bench-201 ranks 309th by them and 312 are kept; what .01, .05 and all would cost is in
``netwright compare constants``: less than the seeds differ.
"""


@register
class BayesStrategy(Strategy):
    """Constrained expected improvement; with several objectives, of the hypervolume.

    A space of at most 100,000 members is looked at as a whole. In a larger one the candidates are what a
    steered generator proposes and the neighbourhoods of the best (:mod:`search.candidates`). Every quantity
    is learned on its normal scores, which neither outliers (a network that does not learn at all) nor a
    ceiling can bend; :mod:`search.race` says how candidates are compared. Evaluations of a lower fidelity
    enter as what they foretell (Kennedy & O'Hagan 2000). The first members are drawn from those that
    training-free scores find promising, where such scores ship.
    """

    name = "bayes"

    def __init__(self, problem: Problem, *, seed: int = 0, flat: bool = False) -> None:
        super().__init__(problem, seed=seed, flat=flat)
        self.beliefs = Beliefs(problem)
        self.expectation: dict[str, dict[str, dict[str, float]]] = {}
        self.foretold: Foretold | None = None
        self.share = PROMISING

    def foretell(self, predictor: Predictor) -> None:
        """Begins with what the predictor believes in; see :mod:`search.foretold`."""
        if is_foretold(self.problem, self.problem.objectives[0].key, self.flat):
            self.foretold = Foretold(self.problem, predictor)

    def uniform_first(self, parallel: int = 1) -> int:
        """See :meth:`search.strategy.Strategy.uniform_first`."""
        promised = promising(self.problem, self.share) is not None
        return 0 if promised or self.foretold is not None else INITIAL

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng, taken = self.rng(), self.taken()
        finished = self.finished()
        if self.foretold is not None:
            return self._foretold(self.foretold, count, finished, taken)
        if len(finished) < INITIAL:
            return self._initial(count, rng, taken)
        self.beliefs.learn(self.completed, finished)
        race = self._race(finished, taken, rng)
        chosen = race.run(count, self._free(race, taken))
        if not chosen:
            raise Exhausted("no further member within the exact bounds was found")
        names = self.problem.space.format(race.codes[chosen])
        self.expectation = dict(zip(names, race.foreseen(chosen), strict=True))
        return names

    def _foretold(
        self, foretold: Foretold, count: int, finished: list[Observation], taken: Codes
    ) -> list[str]:
        waiting = self._waiting()
        names, expected = foretold.choose(count, finished, waiting, {row.tobytes() for row in taken})
        if not names:
            raise Exhausted("no further member within the exact bounds was found")
        self.expectation = dict(zip(names, expected, strict=True))
        return names

    def foresee(self, architecture: str) -> dict[str, dict[str, float]]:
        """What was expected of a suggested architecture; empty before there was a model."""
        return self.expectation.get(architecture, {})

    def _race(self, finished: list[Observation], taken: Codes, rng: np.random.Generator) -> Race:
        """All candidates, with what is believed of them."""
        waiting = self._waiting()

        def between(codes: Codes) -> Race:
            return Race(self.beliefs, finished, codes, waiting, flat=self.flat)

        if self.problem.space.size <= LISTED:
            codes, inputs = listed(self.problem)
            return Race(self.beliefs, finished, codes, waiting, flat=self.flat, inputs=inputs)
        observed = self.problem.space.parse_many([observation.architecture for observation in finished])
        best = observed[np.argsort(-self.merits(finished), kind="stable")]
        return between(pooled(self.problem, lambda codes: between(codes).gain(), best, taken, rng))

    def _waiting(self) -> Codes:
        """Codes (w, v) of the pending trials that count."""
        most = min(FANTASIES, 2 * FANTASIES // max(len(self.problem.to_measure), 1))
        return self.problem.space.parse_many([trial.architecture for trial in self.pending[-most:]])

    def _free(self, race: Race, taken: Codes) -> Bools:
        """Which candidates (c,) of a race are not taken."""
        if self.problem.space.size > LISTED:
            return is_free(race.codes, {row.tobytes() for row in taken})
        rows, free = places(self.problem), np.ones(len(race.codes), dtype=bool)
        free[[place for row in taken if (place := rows.get(row.tobytes())) is not None]] = False
        return free

    def _initial(self, count: int, rng: np.random.Generator, taken: Codes) -> list[str]:
        """Promising members where something tells, uniform ones else."""
        told = promising(self.problem, self.share)
        if told is not None:
            free = told[is_free(told, {row.tobytes() for row in taken})]
            if len(free) >= count:
                return self.problem.space.format(free[rng.permutation(len(free))[:count]])
        return self.problem.space.format(self.uniform(count, rng, taken))
