"""Live-subgraph features: what remains of a graph when zeros, skips and dead ends are taken out."""

import numpy as np
from numpy.typing import NDArray

from encoders.training_free.kind import COUNT_LIMIT, FeatureKind, Features, inner_operations, register
from encoders.training_free.sequences import (
    count_operations,
    is_chain,
    longest_sequence,
    path_counts,
    sequence_names,
)
from spaces.space import Codes, Graph, Space


@register
class Live(FeatureKind):
    """Numbers that are equal for architectures with the same isomorphism key.

    ``live:a>b`` counts the paths from input to output that compute a, then b: a path through a zero
    operation does not count, a skip adds nothing to it. ``live_uses:a`` counts how often a occurs when
    the output is written out as one expression. ``live_paths``, ``live_longest`` and ``live_shortest``
    are the number of live paths and their greatest and least length in operations. Words are left out
    where no path is short enough for one. A chain without zero operations is one live path whose uses are
    its counts, so there only ``live_longest`` is given.
    """

    name = "live"
    of_network = True
    counts = True

    def names(self, space: Space) -> tuple[str, ...]:
        """``live:…``, ``live_uses:…``, then the three numbers."""
        if _is_one_path(space):
            return ("live_longest",)
        alphabet, length = _alphabet(space), _longest_word(space)
        return (
            *(f"live:{word}" for word in sequence_names(alphabet, length) if length > 0),
            *(f"live_uses:{name}" for name in alphabet),
            *("live_paths", "live_longest", "live_shortest"),
        )

    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Counts, each at most 255."""
        graph = space.graph(codes)
        alphabet, length = _alphabet(space), _longest_word(space)
        letters: list[int | None] = [
            None if name in space.zero_operations else alphabet.index(name) if name in alphabet else -1
            for name in space.operations
        ]
        computes = np.array([letter is not None and letter >= 0 for letter in letters])
        if _is_one_path(space):
            length_of: Features = computes[graph.operations].sum(axis=1, keepdims=True, dtype=np.float32)
            return length_of
        alive = np.array([letter is not None for letter in letters])
        to_output = _paths_to_output(graph, alive)  # (b, n)
        from_input, longest, shortest = _lengths(graph, alive, computes)
        used = np.where(from_input, to_output, 0)
        uses = count_operations(graph, space, alphabet, used)
        numbers = np.column_stack([uses, to_output[:, 0], longest, shortest])
        parts = [path_counts(graph, letters, len(alphabet), length)] if length > 0 else []
        return np.concatenate([*parts, np.minimum(numbers, COUNT_LIMIT)], axis=1, dtype=np.float32)


def _is_one_path(space: Space) -> bool:
    """Whether every architecture is one live path."""
    return is_chain(space) and not space.zero_operations


def _longest_word(space: Space) -> int:
    return longest_sequence(len(_alphabet(space)), space, space.identity_operations)


def _alphabet(space: Space) -> list[str]:
    """Operations that compute something."""
    idle = space.zero_operations + space.identity_operations
    return [name for name in inner_operations(space) if name not in idle]


def _paths_to_output(graph: Graph, alive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Number of live paths from each node to the last, its own operation included, (b, n)."""
    batch, nodes = graph.operations.shape
    works = alive[graph.operations]
    paths = np.zeros((batch, nodes))
    paths[:, -1] = 1
    for node in range(nodes - 2, -1, -1):
        onward = (graph.adjacency[:, node, :] * paths).sum(axis=1)
        paths[:, node] = np.where(works[:, node], onward, 0)
    return paths


def _lengths(
    graph: Graph, alive: NDArray[np.bool_], computes: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Which nodes a live path reaches (b, n); the longest and shortest one to the output, or 0, (b,)."""
    batch, nodes = graph.operations.shape
    reached = np.zeros((batch, nodes), dtype=bool)
    reached[:, 0] = True
    longest, shortest = np.zeros((batch, nodes)), np.zeros((batch, nodes))
    for node in range(1, nodes):
        sources = graph.adjacency[:, :node, node] & reached[:, :node]
        own = computes[graph.operations[:, node]]
        reached[:, node] = sources.any(axis=1) & alive[graph.operations[:, node]]
        longest[:, node] = np.where(sources, longest[:, :node], -1).max(axis=1) + own
        shortest[:, node] = np.where(sources, shortest[:, :node], np.inf).min(axis=1) + own
    live = reached[:, -1]
    return reached, np.where(live, longest[:, -1], 0), np.where(live, shortest[:, -1], 0)
