"""Structure features: how operations of the live subgraph are shared and bypassed."""

from collections.abc import Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from encoders.training_free.kind import (
    COUNT_LIMIT,
    FeatureKind,
    Features,
    inner_operations,
    register,
)
from encoders.training_free.sequences import is_chain
from spaces.space import Codes, Graph, Space

Counts = NDArray[np.int64]
Letter = TypeVar("Letter")
PAIRS_UP_TO = 4
"""Operations up to which pairs of them are counted too."""


@register
class Structure(FeatureKind):
    """Numbers of the live graph, its skips contracted.

    Equal for architectures with one isomorphism key, but for those where one computes twice what the other
    shares.

    ``most:a`` and ``least:a`` are the greatest and least number of operations a on a path from input to
    output, ``nodes:a`` how many there are; ``a|b`` counts both, for pairs in a small vocabulary and for all.
    Then how often the input reaches the output untouched (``residual``), in how many ways an operation is
    bypassed (``bypassed``), how many sums reach the output, the input fans out to, and at most meet in one
    operation. A chain has none of these.
    """

    name = "structure"
    of_network = True
    counts = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``most:a`` …, then the five numbers."""
        if is_chain(space):
            return ()
        letters = _alphabet(space)
        return (
            *(f"{what}:{'|'.join(g)}" for g in _groups(letters) for what in ("most", "least", "nodes")),
            *("residual", "bypassed", "inputs_of_output", "outputs_of_input", "widest"),
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Counts, each at most 255; an architecture whose output does not depend on its input has zeros."""
        if is_chain(space):
            return np.empty((len(codes), 0), dtype=np.float32)
        graph = space.graph(codes)
        letters = [space.operations.index(name) for name in _alphabet(space)]
        edges, live = contracted(graph, space)
        columns = []
        works = live[:, 1:-1, None]
        for group in _groups(letters):
            holds = np.isin(graph.operations, group) & live
            columns += [*_extremes(edges, holds), holds.sum(axis=1)]
        reach = edges > 0
        # Node v is bypassed by an edge u → w where u → v → w are edges too.
        bypassed = np.einsum("buv,bvw,buw->b", reach * 1.0, reach * 1.0, reach * 1.0)
        into = edges.sum(axis=1)
        columns += [edges[:, 0, -1], bypassed, into[:, -1], edges[:, 0].sum(axis=1)]
        columns.append((into[:, 1:-1, None] * works).max(axis=(1, 2)))
        values: Features = np.minimum(np.stack(columns, axis=1), COUNT_LIMIT).astype(np.float32)
        return values


def _alphabet(space: Space) -> list[str]:
    """Operations that compute something."""
    idle = space.zero_operations + space.identity_operations
    return [name for name in inner_operations(space) if name not in idle]


def _groups(letters: Sequence[Letter]) -> list[tuple[Letter, ...]]:
    """Each letter, every pair where there are few, and all."""
    pairs = list(combinations(letters, 2)) if len(letters) <= PAIRS_UP_TO else []
    return [*((letter,) for letter in letters), *pairs, tuple(letters)]


def contracted(graph: Graph, space: Space) -> tuple[Counts, NDArray[np.bool_]]:
    """Edges between live nodes, counted, with skips taken out (b, n, n); and which nodes live (b, n)."""
    zero = [space.operations.index(name) for name in space.zero_operations]
    idle = [space.operations.index(name) for name in space.identity_operations]
    batch, nodes = graph.operations.shape
    alive = ~np.isin(graph.operations, zero)
    edges = graph.adjacency.astype(np.int64) * alive[:, :, None] * alive[:, None, :]
    for node in range(1, nodes - 1):
        skips = np.isin(graph.operations[:, node], idle)
        through = edges[:, :, node, None] * edges[:, node, None, :]
        edges += through * skips[:, None, None]
        edges[skips, :, node] = 0
        edges[skips, node, :] = 0
    reached, useful = np.zeros((batch, nodes), dtype=bool), np.zeros((batch, nodes), dtype=bool)
    reached[:, 0] = useful[:, -1] = True
    for node in range(1, nodes):
        reached[:, node] = ((edges[:, :node, node] > 0) & reached[:, :node]).any(axis=1)
    for node in range(nodes - 2, -1, -1):
        useful[:, node] = ((edges[:, node, node + 1 :] > 0) & useful[:, node + 1 :]).any(axis=1)
    live = reached & useful
    return edges * live[:, :, None] * live[:, None, :], live


def _extremes(edges: Counts, holds: NDArray[np.bool_]) -> tuple[Counts, Counts]:
    """Greatest and least number of ``holds`` (b, n) on a path from first to last node; 0 without one."""
    batch, nodes = holds.shape
    most = np.full((batch, nodes), -1000, dtype=np.int64)
    least = np.full((batch, nodes), 1000, dtype=np.int64)
    most[:, 0] = least[:, 0] = 0
    for node in range(1, nodes):
        sources = edges[:, :node, node] > 0
        most[:, node] = np.where(sources, most[:, :node], -1000).max(axis=1) + holds[:, node]
        least[:, node] = np.where(sources, least[:, :node], 1000).min(axis=1) + holds[:, node]
    live = most[:, -1] >= 0
    return np.where(live, most[:, -1], 0), np.where(live, least[:, -1], 0)
