"""Path features (BANANAS, White et al., AAAI 2021) and pairs of neighbouring operations."""

import numpy as np

from encoders.training_free.kind import COUNT_LIMIT, FeatureKind, Features, inner_operations, register
from encoders.training_free.sequences import MAX_COLUMNS, longest_sequence, path_counts, sequence_names
from spaces.space import Codes, Space


@register
class Paths(FeatureKind):
    """Which sequences of operations lead from input to output, and which operations follow each other.

    ``path:a>b`` is 1 where a path from input to output is labelled a, b. As in the paper, paths beyond a
    length are left out (all up to it fit into 256 columns), and so are all where no path is that short.
    ``pair:a>b`` counts the edges from a to b, where all pairs fit into 256 columns.
    """

    name = "path"
    of_network = True
    counts = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``path:a>b…``, then ``pair:a>b``."""
        operations = inner_operations(space)
        words = sequence_names(operations, longest_sequence(len(operations), space))[1:]
        paired = operations if _pairs(space) else ()
        return (
            *(f"path:{word}" for word in words),
            *(f"pair:{first}>{second}" for first in paired for second in paired),
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Presence of each path, count of each pair."""
        operations = inner_operations(space)
        length = longest_sequence(len(operations), space)
        if not length and not _pairs(space):
            return np.empty((len(codes), 0), dtype=np.float32)
        graph = space.graph(codes)
        parts = [np.empty((len(codes), 0), dtype=np.float32)]
        if length > 0:
            # The ends of the graph have no letter; the vocabulary's own order is kept.
            letters = [operations.index(name) if name in operations else -1 for name in space.operations]
            counts = path_counts(graph, letters, len(operations), length)[:, 1:]
            parts.append(np.minimum(counts, 1))
        if _pairs(space):
            hot = np.stack(
                [graph.operations == space.operations.index(name) for name in operations], axis=1
            ).astype(np.float32)  # (b, k, n)
            pairs = hot @ graph.adjacency.astype(np.float32) @ hot.transpose(0, 2, 1)
            parts.append(np.minimum(pairs, COUNT_LIMIT).reshape(len(codes), -1))
        return np.concatenate(parts, axis=1, dtype=np.float32)


def _pairs(space: Space) -> bool:
    return len(inner_operations(space)) ** 2 <= MAX_COLUMNS
