"""Regularized evolution; with several objectives, parents are selected as NSGA-II does."""

import numpy as np

from search.strategies import STRATEGIES
from search.strategy import Strategy
from spaces.space import Codes

POPULATION = 30
TOURNAMENT = 10
TRIES = 24
"""Tournaments before a uniform draw takes the place of a child."""


@STRATEGIES.register
class EvolutionStrategy(Strategy):
    """The oldest die, whatever their fitness (Real et al. 2019, "Regularized Evolution for Image Classifier
    Architecture Search").

    The population are the last :data:`POPULATION` finished trials. A child is a neighbour of the best of
    :data:`TOURNAMENT` of them. The first population is drawn within the exact bounds and every child stays
    within them; measured bounds and several objectives rank by constrained domination and crowding (Deb et
    al. 2002). What failed has no children.
    """

    name = "evolution"

    def uniform_first(self, parallel: int = 1) -> int:
        """See :class:`search.abilities.StartsUniformly`."""
        return max(POPULATION - parallel + 1, 1)

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng, taken = self.rng(), self.taken()
        finished = self.finished()
        if len(finished) + len(self.pending) < POPULATION or len(finished) < 2:
            return self.problem.space.format(self.uniform(count, rng, taken))
        fitness = self.fitness(finished)[-POPULATION:]
        codes = self.problem.space.parse_many(
            [observation.architecture for observation in finished[-POPULATION:]]
        )
        seen = {row.tobytes() for row in taken}
        chosen: list[Codes] = []
        for _ in range(count):
            child = self._child(codes, fitness, seen, rng)
            if child is None:
                break
            seen.add(child.tobytes())
            chosen.append(child)
        if len(chosen) < count:
            taken = np.concatenate([taken, *(child[None] for child in chosen)])
            try:
                chosen += list(self.uniform(count - len(chosen), rng, taken))
            except RuntimeError:
                if not chosen:
                    raise
        return self.problem.space.format(np.stack(chosen))

    def _child(
        self, codes: Codes, fitness: "np.ndarray[tuple[int], np.dtype[np.float64]]", seen: set[bytes],
        rng: np.random.Generator,
    ) -> Codes | None:  # fmt: skip
        for _ in range(TRIES):
            entrants = rng.choice(len(codes), size=min(TOURNAMENT, len(codes)), replace=False)
            children = self.free_neighbours(codes[entrants[fitness[entrants].argmax()]], seen)
            if len(children):
                child: Codes = children[rng.integers(len(children))]
                return child
        return None
