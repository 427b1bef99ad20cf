"""Counts of operations and edges."""

import numpy as np

from encoders.training_free.kind import COUNT_LIMIT, FeatureKind, Features, register, shared_operations
from encoders.training_free.sequences import count_operations, is_chain
from spaces.space import Codes, Space


@register
class Counts(FeatureKind):
    """How often each operation occurs, how many edges lead into and out of it, and how many there are.

    In a chain, where every node has one edge in and one out, only how often.
    """

    name = "counts"
    of_network = True
    counts = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``count:a``, ``inputs:a``, ``outputs:a`` for each operation a, then ``edges``."""
        operations = shared_operations(space)
        kinds = ("count",) if is_chain(space) else ("count", "inputs", "outputs")
        names = tuple(f"{what}:{name}" for what in kinds for name in operations)
        return names if is_chain(space) else (*names, "edges")

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Counts, each at most 255."""
        graph = space.graph(codes)
        operations = shared_operations(space)
        parts = [count_operations(graph, space, operations, np.ones(graph.operations.shape))]
        if not is_chain(space):
            into, out = graph.adjacency.sum(axis=1), graph.adjacency.sum(axis=2)  # (b, n)
            parts += [count_operations(graph, space, operations, degrees) for degrees in (into, out)]
            parts.append(into.sum(axis=1, keepdims=True))
        values: Features = np.minimum(np.concatenate(parts, axis=1), COUNT_LIMIT).astype(np.float32)
        return values
