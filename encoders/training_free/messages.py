"""How a graph network passes messages: on which features, and with which form of the edges."""

import numpy as np
from numpy.typing import NDArray

from encoders.training_free.kind import FeatureKind, Features, inner_operations, register
from spaces.space import Codes, Space


@register
class Messages(FeatureKind):
    """Features at which a latency jumps; none in spaces whose operations pass no messages.

    Raw features may be a hundred times as wide as hidden ones, so ``raw:a`` counts the operations a that read
    them, through skips too, and ``hidden:a`` those that do not. One operation that needs the edges as a list
    (``Space.list_operations``) makes all others go through the list too, which is slow where features are
    wide: ``listed`` says whether there is one, ``raw_listed`` how many operations then read raw features.
    """

    name = "messages"
    counts = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``raw:a`` …, ``hidden:a`` …, ``raw``, ``listed``, ``raw_listed``."""
        if not space.list_operations:
            return ()
        letters = inner_operations(space)
        return (
            *(f"{what}:{letter}" for what in ("raw", "hidden") for letter in letters),
            *("raw", "listed", "raw_listed"),
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """(b, 2 × operations + 3)."""
        if not space.list_operations:
            return np.empty((len(codes), 0), dtype=np.float32)
        graph = space.graph(codes)
        idle = np.isin(graph.operations, [space.operations.index(name) for name in space.identity_operations])
        reads: NDArray[np.bool_] = np.zeros(graph.operations.shape, dtype=bool)
        passes = np.zeros_like(reads)  # whether a node's output still is the raw features
        passes[:, 0] = True
        for node in range(1, reads.shape[1] - 1):
            reads[:, node] = (graph.adjacency[:, :node, node] & passes[:, :node]).any(axis=1)
            passes[:, node] = reads[:, node] & idle[:, node]
        inner = np.zeros_like(reads)
        inner[:, 1:-1] = True
        letters = [space.operations.index(name) for name in inner_operations(space)]
        holds = graph.operations[:, :, None] == np.array(letters)  # (b, n, operations)
        raw, hidden = ((holds & where[:, :, None]).sum(axis=1) for where in (reads, inner & ~reads))
        wide = (reads & ~idle).sum(axis=1)
        lists = [space.operations.index(name) for name in space.list_operations]
        listed = np.isin(graph.operations, lists).any(axis=1)
        last = np.stack([wide, listed, wide * listed], axis=1)
        values: Features = np.concatenate([raw, hidden, last], axis=1, dtype=np.float32)
        return values
