"""Random search: members drawn uniformly from those within the exact bounds."""

from search.feasible import draw_feasible, nearest_member
from search.strategy import Exhausted, Strategy, register


@register
class RandomStrategy(Strategy):
    """The yardstick of every other strategy (Li & Talwalkar 2019)."""

    name = "random"

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        rng = self.rng()
        taken = self.taken()
        codes = draw_feasible(self.problem, count, rng, exclude=taken)
        if not len(codes):
            nearest, gap = nearest_member(self.problem, rng)
            if gap > 0 or any((nearest == row).all() for row in taken):
                raise Exhausted("no further member satisfies the exact bounds")
            codes = nearest[None]
        return self.problem.space.format(codes)
