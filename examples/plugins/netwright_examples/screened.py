"""Random search with a zero-cost proxy in front (Abdelfattah et al. 2021, "Zero-Cost Proxies for Lightweight
NAS"): of a few uniform draws, the one with the greatest proxy is evaluated."""

from functools import lru_cache

import numpy as np

from networks.plan import planned_spaces
from search.problem import Problem
from search.strategies import STRATEGIES
from search.strategy import Strategy
from spaces.known import get_space

DRAWS = 4
"""Uniform draws for each suggestion."""
PROXY = "logsynflow"


@STRATEGIES.register
class ScreenedStrategy(Strategy):
    """Suggests the best of a few random architectures by the proxy of :mod:`.logsynflow`."""

    name = "screened"

    @classmethod
    def why_not(cls, problem: Problem) -> str | None:
        """A proxy is a number of a network."""
        name = problem.space.name
        return None if name in planned_spaces() else f"{problem.space.public_name} has no networks"

    def suggest(self, count: int) -> list[str]:
        """See :meth:`search.strategy.Strategy.suggest`."""
        drawn = self.problem.space.format(self.uniform(DRAWS * count, self.rng(), self.taken()))
        values = [proxy(self.problem.space.name, architecture) for architecture in drawn]
        best = np.argsort(np.negative(values), kind="stable")[:count]
        return [drawn[index] for index in best]


@lru_cache(maxsize=10_000)
def proxy(space_name: str, architecture: str) -> float:
    """The proxy of an architecture, computed once a process."""
    # Imported here: they load torch, and a strategy is named before any is made.
    from encoders.proxies.compute import score_network
    from encoders.proxies.table import ScoreSet

    space = get_space(space_name)
    wanted = ScoreSet((PROXY,), small=True, images=2)
    return float(score_network(space, space.parse(architecture), seed=0, wanted=wanted)[0])
