"""Local search: evaluate the neighbours of the best, move where one is better, start anew where none is."""

import numpy as np

from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from spaces.space import Codes, Floats

INITIAL = 10
"""Uniform architectures; the first ascent begins at the best of them."""


@STRATEGIES.register
class LocalStrategy(Strategy):
    """Hill climbing with restarts (White et al. 2021, "Exploring the Loss Landscape in Neural Architecture
    Search").

    An ascent stands at the best of its trials. Once every neighbour of that one is evaluated it is a local
    optimum, and the next ascent begins at a uniform draw. With several objectives it stands at the first
    front, and climbs from its most isolated architecture that has a free neighbour (Paquete et al. 2004).
    """

    name = "local"

    def uniform_first(self, parallel: int = 1) -> int:
        """See :class:`search.abilities.StartsUniformly`."""
        return max(INITIAL - parallel + 1, 1)

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng, taken = self.rng(), self.taken()
        finished = self.finished()
        if len(finished) + len(self.pending) < INITIAL or not finished:
            return self.problem.space.format(self.uniform(count, rng, taken))
        free = self._around_the_top(taken)
        chosen = free[rng.permutation(len(free))[:count]]
        if len(chosen) < count:
            try:
                more = self.uniform(count - len(chosen), rng, np.concatenate([taken, chosen]))
                chosen = np.concatenate([chosen, more])
            except Exhausted:
                if not len(chosen):
                    raise
        return self.problem.space.format(chosen)

    def _around_the_top(self, taken: Codes) -> Codes:
        """Free neighbours (m, v) of where the present ascent stands; none at a local optimum.

        Ascents are found by going through the trials in their order.
        """
        finished = self.finished()
        codes = self.problem.space.parse_many([observation.architecture for observation in finished])
        fitness = self.fitness(finished)
        climb = _Climb(self, codes, fitness)
        for index in range(len(finished)):
            climb.step(index)
        for row in taken:  # the pending ones and those that failed
            climb.seen.add(row.tobytes())
        free = [np.frombuffer(row, dtype=np.int8) for row in climb.free()]
        return np.stack(free) if free else codes[:0]


class _Climb:
    """One ascent after another, reconstructed from the trials."""

    def __init__(self, strategy: LocalStrategy, codes: Codes, fitness: Floats) -> None:
        self.strategy = strategy
        self.codes = codes
        self.fitness = fitness
        several = len(strategy.problem.objectives) > 1
        self.level = np.floor(fitness) if several else fitness  # architectures of one front share a level
        self.seen: set[bytes] = set()
        self.tops: list[int] = []  # of the present ascent, those that none is better than
        self.around: dict[int, list[bytes]] = {}

    def step(self, index: int) -> None:
        """The next trial: of this ascent, or the first of a new one."""
        if index > INITIAL and not self.free():
            self.tops = []
        highest = self.level[self.tops[0]] if self.tops else -np.inf
        if self.level[index] > highest:
            self.tops = [index]
        elif self.level[index] == highest:
            self.tops.append(index)
        self.seen.add(self.codes[index].tobytes())

    def free(self) -> list[bytes]:
        """Free neighbours of the loneliest of the tops that has any."""
        for top in sorted(self.tops, key=lambda index: -self.fitness[index]):
            if top not in self.around:
                near = self.strategy.free_neighbours(self.codes[top], set())
                self.around[top] = [row.tobytes() for row in near]
            free = [row for row in self.around[top] if row not in self.seen]
            if free:
                return free
        return []
