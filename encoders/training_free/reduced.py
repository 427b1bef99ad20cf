"""Statistics of the smallest architecture that computes the same function."""

import numpy as np
from numpy.typing import NDArray

from encoders.proxies.table import classes
from encoders.training_free.kind import FeatureKind, Features, register
from encoders.training_free.statistics import Statistics
from spaces.cached import cached_by_space
from spaces.mixed_radix import index_of
from spaces.space import Codes, Space


@register
class Reduced(FeatureKind):
    """Exact statistics without what cannot reach the output: parameters of dead operations teach nothing.

    Only for spaces that can be enumerated; the statistics must not depend on the task.
    """

    name = "reduced"
    of_network = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``reduced:log_params_m`` and so on."""
        return tuple(f"reduced:{name}" for name in Statistics().names(space))

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, number of statistics)."""
        places, table = _table(space)
        return table[places[index_of(codes, space.variables)]]


@cached_by_space(maxsize=4)
def _table(space: Space) -> tuple[NDArray[np.int64], Features]:
    """For every combination of choices its class, and each class's statistics."""
    known, codes = classes(space), space.enumerate()
    places = np.zeros(int(np.prod([len(v.choices) for v in space.variables])), dtype=np.int64)
    places[index_of(codes, space.variables)] = known.rows
    return places, Statistics().values(space, known.codes, None)
