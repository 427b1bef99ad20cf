"""Conditions: standardized cheap statistics that the generator may be asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spaces.space import Codes, Floats, Space

SAMPLES = 4096
"""Architectures that means and standard deviations are computed from."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Which statistics, and how they are standardized.

    Shapes:
        mean, std: (m,)
    """

    names: tuple[str, ...]
    mean: Floats
    std: Floats

    @classmethod
    def of(cls, space: Space, *, seed: int = 0) -> "Conditions":
        """Those of a space, from architectures drawn uniformly; statistics that never vary are left out."""
        codes = space.sample(SAMPLES, np.random.default_rng(seed))
        values = _transformed(space.statistics(codes))
        names = tuple(name for name, column in values.items() if column.std() > 0)
        columns = np.stack([values[name] for name in names], axis=1)
        return cls(names, columns.mean(axis=0), columns.std(axis=0))

    def of_codes(self, space: Space, codes: Codes) -> NDArray[np.float32]:
        """Standardized statistics (b, m) of codes (b, v)."""
        values = _transformed(space.statistics(codes))
        columns = np.stack([values[name] for name in self.names], axis=1)
        standardized: NDArray[np.float32] = ((columns - self.mean) / self.std).astype(np.float32)
        return standardized


def _transformed(statistics: dict[str, Floats]) -> dict[str, Floats]:
    """Costs span orders of magnitude, so they are taken as logarithms; counts and depths as they are."""
    return {
        name: np.log(column) if name.endswith(("_m", "_mb")) else column
        for name, column in statistics.items()
    }
