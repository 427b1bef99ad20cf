"""Search strategies, one file each; the module has the strategy's name."""

from typing import TYPE_CHECKING

from spaces.registry import Registry

if TYPE_CHECKING:
    from search.strategy import Strategy

STRATEGIES: "Registry[Strategy]" = Registry(
    "strategy", "search.strategy:Strategy", folder="search.strategies", group="netwright.strategies"
)
"""By name; those of installed packages are found by their entry points.

>>> STRATEGIES.names()
('annealing', 'bayes', 'evolution', 'local', 'random', 'robot', 'transfer')
"""
