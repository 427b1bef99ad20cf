"""Exact costs of chains of blocks: what each kind of block costs at each place, looked up and added."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from spaces.block_chain import Kinds
from spaces.costs.layer_cost import Cost
from spaces.space import Floats

BYTES = 4
"""Of a number in fp32."""


class CostTable:
    """What each kind costs at each place, looked up for a batch at once.

    Args:
        fixed: what every architecture costs besides its blocks.
        blocks: for each block the cost of each of its kinds.
    """

    def __init__(self, fixed: Cost, blocks: Sequence[Sequence[Cost]]) -> None:
        self._fixed = fixed
        widest = max(map(len, blocks))
        self._columns = {
            field.name: np.array(
                [
                    [getattr(cost, field.name) for cost in costs] + [0] * (widest - len(costs))
                    for costs in blocks
                ],
                dtype=np.int64,
            )
            for field in fields(Cost)
        }  # (n, k) each

    def total(self, name: str, kinds: Kinds) -> NDArray[np.int64]:
        """The sum over fixed parts and blocks of kinds (b, n), for ``peak`` the largest, (b,)."""
        column, fixed = self._columns[name], int(getattr(self._fixed, name))
        each = column.ravel().take(kinds + column.shape[1] * np.arange(len(column)))  # (b, n)
        total: NDArray[np.int64] = each.sum(axis=1) + fixed
        return np.maximum(each.max(axis=1), fixed) if name == "peak" else total

    def statistics(self, kinds: Kinds) -> dict[str, Floats]:
        """Parameters, MACs, peak memory, depth and activations of kinds (b, n), in the metrics' units."""
        scales: dict[str, tuple[str, float]] = {
            "params_m": ("params", 1e6),
            "macs_m": ("macs", 1e6),
            "peak_memory_mb": ("peak", 1e6 / BYTES),
            "depth": ("depth", 1.0),
            "activations_m": ("activations", 1e6),
        }
        return {metric: self.total(name, kinds) / scale for metric, (name, scale) in scales.items()}
