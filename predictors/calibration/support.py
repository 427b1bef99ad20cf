"""Which region of a space a model's labels covered; outside it the model extrapolates.

An architecture is outside where one of its choices was in no label, or one of its exact costs lies further
from the labels' range than a tenth of that range. Conformal intervals promise nothing there, since such an
architecture is not exchangeable with the labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from spaces.space import Bools, Codes, Floats, Space

MARGIN = 0.1
"""How far outside the labels' range a cost may lie, as a share of that range."""


@dataclass(frozen=True, slots=True)
class Support:
    """The choices and costs of the architectures that a model learned from.

    Shapes:
        seen: one (k,) for each variable, whether a label had the choice
        low, high: (f,) least and greatest of each statistic
    """

    space: Space
    task: str | None
    seen: tuple[Bools, ...]
    low: Floats
    high: Floats

    @classmethod
    def of(cls, space: Space, codes: Codes, task: str | None = None) -> Self:
        """What architectures (n, v), at least one, cover."""
        seen = tuple(
            np.isin(np.arange(len(variable.choices)), column)
            for variable, column in zip(space.variables, codes.T, strict=True)
        )
        costs = _costs(space, codes, task)
        return cls(space, task, seen, costs.min(axis=1), costs.max(axis=1))

    def outside(self, codes: Codes) -> Bools:
        """Which of codes (b, v) the labels did not cover, (b,)."""
        outside = np.zeros(len(codes), dtype=bool)
        for column, seen in zip(codes.T, self.seen, strict=True):
            if not seen.all():
                outside |= ~seen[column]
        costs = _costs(self.space, codes, self.task)
        slack = MARGIN * (self.high - self.low) + 1e-9 * np.abs(self.high)
        beyond = (costs < (self.low - slack)[:, None]) | (costs > (self.high + slack)[:, None])
        return outside | beyond.any(axis=0)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON."""
        return {
            "seen": [np.flatnonzero(seen).tolist() for seen in self.seen],
            "low": self.low.tolist(),
            "high": self.high.tolist(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], space: Space, task: str | None = None) -> Self:
        """Reads what :meth:`to_dict` wrote."""
        seen = tuple(
            np.isin(np.arange(len(variable.choices)), known)
            for variable, known in zip(space.variables, content["seen"], strict=True)
        )
        low, high = (np.array(content[name], dtype=np.float64) for name in ("low", "high"))
        if not len(low) == len(high) == len(space.statistics_names):
            raise ValueError(f"the support is not one of {space.name}")
        return cls(space, task, seen, low, high)


def _costs(space: Space, codes: Codes, task: str | None) -> Floats:
    """Every statistic of codes (b, v), (f, b)."""
    statistics = space.statistics(codes, task)
    return np.stack([statistics[name] for name in space.statistics_names])
