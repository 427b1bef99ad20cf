"""Sequences of operations along paths, counted for a batch of graphs at once."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from encoders.training_free.kind import COUNT_LIMIT, Features
from spaces.space import Graph, Space

MAX_COLUMNS = 256


def longest_sequence(vocabulary: int, space: Space, silent: Sequence[str] = ()) -> int:
    """How long sequences may be so that all up to that length fit into ``MAX_COLUMNS``.

    No longer than the longest path of any architecture's graph; 0 where no architecture has a path so short.

    Args:
        vocabulary: number of letters.
        space: whose paths.
        silent: operations without a letter.

    >>> from spaces.known import get_space
    >>> longest_sequence(5, get_space("nasbench201")), longest_sequence(9, get_space("gnn"))
    (3, 2)
    """
    possible = _longest_chain(space)
    length = 0
    while length < possible and sum(vocabulary**size for size in range(length + 2)) <= MAX_COLUMNS:
        length += 1
    return length if length >= _shortest_chain(space, silent) else 0


def is_chain(space: Space) -> bool:
    """Whether every architecture's graph is the same chain, so that only its operations vary."""
    return all(slot.source is None for slot in space.slots) and np.array_equal(
        space.skeleton, np.eye(len(space.skeleton), k=1, dtype=bool)
    )


def _shortest_chain(space: Space, silent: Sequence[str]) -> int:
    """Fewest letters on a path where the graph is a chain; 0, which is always true, where it is not."""
    if not is_chain(space):
        return 0
    places = {space.operations.index(operation) for operation in silent}
    return sum(places.isdisjoint(space.slot_operations(slot).tolist()) for slot in space.slots)


def _longest_chain(space: Space) -> int:
    """Most operations on one path between input and output, every free edge present."""
    edges = space.skeleton.copy()
    for slot in space.slots:
        if slot.source is not None:
            edges[slot.source, slot.node] = True
    inner = range(1, len(edges) - 1)
    length = np.zeros(len(edges), dtype=np.int64)
    for node in inner:
        length[node] = 1 + max((length[source] for source in inner if edges[source, node]), default=0)
    return int(length.max())


def sequence_names(vocabulary: Sequence[str], length: int) -> list[str]:
    """``a>b>c`` for every sequence up to a length, the empty one first.

    >>> sequence_names(["a", "b"], 1)
    ['', 'a', 'b']
    """
    return [">".join(word) for size in range(length + 1) for word in product(vocabulary, repeat=size)]


def count_operations(
    graph: Graph, space: Space, operations: Sequence[str], weights: NDArray[np.number]
) -> NDArray[np.float64]:
    """The sum of weights (b, n) over the nodes that hold each operation, (b, number of operations)."""
    batch, vocabulary = len(graph.operations), len(space.operations)
    places = graph.operations + vocabulary * np.arange(batch)[:, None]
    totals = np.bincount(places.ravel(), weights.ravel(), batch * vocabulary).astype(np.float64)
    return totals.reshape(batch, vocabulary)[
        :, [space.operations.index(operation) for operation in operations]
    ]


def path_counts(graph: Graph, letters: Sequence[int | None], vocabulary: int, length: int) -> Features:
    """How many paths from the first to the last node spell each sequence, (b, number of sequences).

    A path longer than ``length`` letters is not counted. With S(i) the counts at node i, and the node's
    letter appended: S(i) = append(letter(i), Σ_j A[j, i] S(j)).

    Args:
        graph: b graphs of n nodes.
        letters: per operation of the space its letter 0..vocabulary-1, −1 for none (the path goes on
            unchanged), or None where it ends the path.
        vocabulary: number of letters.
        length: longest sequence.
    """
    sizes = [vocabulary**size for size in range(length + 1)]
    starts = np.cumsum([0, *sizes])
    batch, nodes = graph.operations.shape
    counts = np.zeros((nodes, batch, starts[-1]), dtype=np.float32)
    counts[0, :, 0] = 1
    for node in range(1, nodes):
        incoming = _incoming(graph.adjacency, counts, node)
        for operation, letter in enumerate(letters):
            rows = np.flatnonzero(graph.operations[:, node] == operation)
            if letter == -1:
                counts[node, rows] = incoming[rows]
            elif letter is not None:
                for size in range(length):
                    shorter = incoming[rows, starts[size] : starts[size + 1]]
                    longer = counts[node, :, starts[size + 1] : starts[size + 2]]
                    longer[rows, letter::vocabulary] = shorter
    spelled: Features = np.minimum(counts[-1], COUNT_LIMIT)
    return spelled


def _incoming(adjacency: NDArray[np.bool_], counts: Features, node: int) -> Features:
    """Σ_j A[j, node] counts[j], (b, columns)."""
    total: Features = np.zeros_like(counts[0])
    for source in range(node):
        rows = np.flatnonzero(adjacency[:, source, node])
        total[rows] += counts[source, rows]
    return total
