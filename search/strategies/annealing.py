"""Simulated annealing: a walk over neighbours that accepts what is worse, less and less often."""

import numpy as np
from scipy.special import ndtri

from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from spaces.space import Codes, Floats

INITIAL = 10
"""Uniform architectures; the walk begins at the best of them."""
HOT = 0.5
"""Temperature at the beginning, in standard deviations of what was observed."""
HALF = 40
"""Trials after which the temperature has halved."""


@STRATEGIES.register
class AnnealingStrategy(Strategy):
    r"""Metropolis walk (Kirkpatrick et al. 1983, "Optimization by Simulated Annealing").

    A neighbour that is worse by :math:`\Delta` is accepted with probability :math:`e^{-\Delta/T}`, fitness
    taken as normal scores among the trials so far, so that the temperature means the same for every metric.
    Each decision's randomness belongs to the trial's number: with one objective and no missed bound the walk
    is the same however often it is replayed. (Elsewhere fitness is relative to all that was observed.)
    """

    name = "annealing"

    def uniform_first(self, parallel: int = 1) -> int:
        """See :class:`search.abilities.StartsUniformly`."""
        return max(INITIAL - parallel + 1, 1)

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng, taken = self.rng(), self.taken()
        finished = self.finished()
        if len(finished) + len(self.pending) < INITIAL or not finished:
            return self.problem.space.format(self.uniform(count, rng, taken))
        codes = self.problem.space.parse_many([observation.architecture for observation in finished])
        chosen = self._steps(codes[self._stand()], count, taken, rng)
        if len(chosen) < count:
            try:
                more = self.uniform(count - len(chosen), rng, np.concatenate([taken, chosen]))
                chosen = np.concatenate([chosen, more])
            except Exhausted:
                if not len(chosen):
                    raise
        return self.problem.space.format(chosen)

    def _stand(self) -> int:
        """Number of the finished trial where the walk stands."""
        fitness = self.fitness(self.finished())
        stand = int(fitness[:INITIAL].argmax())
        for index in range(INITIAL, len(fitness)):
            temperature = HOT * 0.5 ** ((index - INITIAL) / HALF)
            chance = np.random.default_rng([self.seed, index]).uniform()
            known = fitness[: index + 1]
            if _normal_score(fitness[index], known) - _normal_score(
                fitness[stand], known
            ) >= temperature * np.log(max(chance, 1e-300)):
                stand = index
        return stand

    def _steps(self, codes: Codes, count: int, taken: Codes, rng: np.random.Generator) -> Codes:
        """Free neighbours (m, v) of where it stands; where it has none, of its neighbours."""
        seen = {row.tobytes() for row in taken}
        free = self.free_neighbours(codes, seen)
        if not len(free):
            around = self.problem.space.neighbours(codes)
            further = [self.free_neighbours(row, seen) for row in around[rng.permutation(len(around))[:4]]]
            free = np.unique(np.concatenate([free, *further]), axis=0)
        return free[rng.permutation(len(free))[:count]]


def _normal_score(fitness: float, known: Floats) -> float:
    """The normal score of a fitness among those known."""
    below = np.count_nonzero(known < fitness) + 0.5 * np.count_nonzero(known == fitness)
    return float(ndtri(below / len(known)))
