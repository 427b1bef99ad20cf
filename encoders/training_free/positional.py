"""Positional features: where in the graph each operation occurs, and behind which other one."""

import numpy as np
from numpy.typing import NDArray

from encoders.training_free.kind import COUNT_LIMIT, FeatureKind, Features, inner_operations, register
from encoders.training_free.sequences import is_chain
from spaces.space import Codes, Space

PAIRS_UP_TO = 16
"""Operations up to which it is counted which of them follows which."""


@register
class Positional(FeatureKind):
    """Counts that two graphs share where they do alike things at alike places.

    In families, named by what comes before the first colon: ``count:a``, how many operations a there
    are; ``depth:2:a``, how many of them are two edges from the input, by the longest path; ``last:a``, how
    many feed the output; ``after:a:b``, how many edges lead from an a to a b; ``shape:…``, which edges
    there are, how many nodes read the input and feed the output, and the length of the longest path. A
    chain has none.
    """

    name = "positional"
    of_network = True
    counts = True

    def names(self, space: Space) -> tuple[str, ...]:
        """The families in this order."""
        if is_chain(space):
            return ()
        operations, nodes = inner_operations(space), len(space.skeleton)
        pairs = [f"after:{a}:{b}" for a in ("input", *operations) for b in operations]
        return (
            *(f"count:{a}" for a in operations),
            *(f"depth:{depth}:{a}" for depth in range(1, nodes - 1) for a in operations),
            *(f"last:{a}" for a in operations),
            *(pairs if len(operations) <= PAIRS_UP_TO else ()),
            *(f"shape:{i}-{j}" for i, j in zip(*np.triu_indices(nodes, 1), strict=True)),
            *("shape:first", "shape:last", "shape:longest"),
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Counts, each at most 255."""
        if is_chain(space):
            return np.empty((len(codes), 0), dtype=np.float32)
        graph = space.graph(codes)
        batch, nodes = graph.operations.shape
        letters = [space.operations.index(name) for name in inner_operations(space)]
        holds = (graph.operations[:, :, None] == np.array(letters)).astype(np.float32)  # (b, n, k)
        edges = graph.adjacency.astype(np.float32)
        depth = _depths(graph.adjacency)
        places = (depth[:, None, 1:-1] == np.arange(1, nodes - 1)[:, None]).astype(np.float32)  # (b, d, n)
        columns = [
            holds.sum(axis=1),
            (places @ holds[:, 1:-1]).reshape(batch, -1),
            np.einsum("bn,bnk->bk", edges[:, :, -1], holds),
        ]
        if len(letters) <= PAIRS_UP_TO:
            first = np.zeros((batch, nodes, 1), dtype=np.float32)
            first[:, 0] = 1
            sources = np.concatenate([first, holds], axis=2)
            columns.append((sources.transpose(0, 2, 1) @ edges @ holds).reshape(batch, -1))
        rows, ends = np.triu_indices(nodes, 1)
        columns.append(edges[:, rows, ends])
        columns.append(np.stack([edges[:, 0].sum(axis=1), edges[:, :, -1].sum(axis=1), depth[:, -1]], axis=1))
        values: Features = np.minimum(np.concatenate(columns, axis=1), COUNT_LIMIT).astype(np.float32)
        return values


def _depths(adjacency: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Edges on the longest path from the first node to each, (b, n); 0 where there is none."""
    depth = np.zeros(adjacency.shape[:2], dtype=np.int64)
    reached = np.zeros(adjacency.shape[:2], dtype=bool)
    reached[:, 0] = True
    for node in range(1, adjacency.shape[1]):
        sources = adjacency[:, :node, node] & reached[:, :node]
        reached[:, node] = sources.any(axis=1)
        depth[:, node] = np.where(sources, depth[:, :node] + 1, 0).max(axis=1)
    return depth
