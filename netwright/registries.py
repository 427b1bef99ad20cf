"""Everything that can be added by a plug-in; importing this loads no torch."""

from typing import Any

from encoders.proxies.kinds import PROXIES
from networks.images.sources import SOURCES
from predictors.kinds import KINDS
from search.evaluators import EVALUATORS
from search.strategies import STRATEGIES
from spaces.known import SPACES
from spaces.registry import Registry

REGISTRIES: tuple[Registry[Any], ...] = (KINDS, STRATEGIES, SPACES, EVALUATORS, PROXIES, SOURCES)
"""In the order of ``docs/extending.md``."""
