"""Random search: architectures drawn uniformly from those within the exact bounds."""

from search.strategies import STRATEGIES
from search.strategy import Strategy


@STRATEGIES.register
class RandomStrategy(Strategy):
    """The yardstick of every other strategy (Li & Talwalkar 2019)."""

    name = "random"

    def uniform_first(self, parallel: int = 1) -> int:
        """See :class:`search.abilities.StartsUniformly`."""
        return len(self.finished())

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        return self.problem.space.format(self.uniform(count, self.rng(), self.taken()))
