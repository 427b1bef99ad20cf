"""The trees of NAS-Bench-Graph (Qin et al., NeurIPS 2022) and which of them are the same network.

Four computing nodes hang on the input (node 0) or on each other: node i's *link* is its one predecessor.
The benchmark keeps one architecture of each class of equal networks:

1. A skip that has a child, has no sibling, or hangs on the input passes its input on; it moves to the
   front, where a chain of skips below the input does nothing.
2. The nodes are numbered so that the links are one of the 9 topologies.
3. Parts of the topology that can change places are sorted by operation.

An architecture whose four operations are skips is not an architecture of the space.

Words: *links index*, 0..23, a link list in the order of ``LINK_LISTS``; *operations index*, 0..6560, four
operations as a number in base 9; *id*, ``topology · 9⁴ + operations index``.
"""

from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

from spaces.space import Codes

NODES = 4
OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
SKIP = OPERATIONS.index("skip")
TOPOLOGIES = (
    (0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 1), (0, 0, 1, 2), (0, 0, 1, 3),
    (0, 1, 1, 1), (0, 1, 1, 2), (0, 1, 2, 2), (0, 1, 2, 3),
)  # fmt: skip
LINK_LISTS = tuple(product(range(1), range(2), range(3), range(4)))
FILLINGS = len(OPERATIONS) ** NODES

# Leaves of one parent, by topology, as positions 0..3; topology 3 is two chains, sorted as pairs.
_INTERCHANGEABLE = {0: [0, 1, 2, 3], 1: [1, 2], 2: [2, 3], 5: [1, 2, 3], 7: [2, 3]}
_TWO_CHAINS = 3
_POWERS = len(OPERATIONS) ** np.arange(NODES - 1, -1, -1)


def links_index(links: NDArray[np.integer]) -> NDArray[np.int64]:
    """Rows of ``LINK_LISTS`` that equal links (b, 4), (b,)."""
    index: NDArray[np.int64] = links.astype(np.int64) @ np.array([0, 12, 4, 1])
    return index


def operations_index(operations: NDArray[np.integer]) -> NDArray[np.int64]:
    """Operations (b, 4) as numbers in base 9, (b,)."""
    return operations.astype(np.int64) @ _POWERS


def ids_to_codes(ids: NDArray[np.integer]) -> Codes:
    """Ids (b,) to codes (b, 5): topology and four operations."""
    digits = [ids // FILLINGS, *(ids // power % len(OPERATIONS) for power in _POWERS)]
    return np.stack(digits, axis=1).astype(np.int8)


def settle(links: tuple[int, ...], skips: tuple[bool, ...]) -> tuple[int, tuple[int, ...]] | None:
    """The topology of a link list whose skips have moved to the front, and the old nodes in the new order.

    Args:
        links: predecessor of nodes 1..4, each earlier than the node.
        skips: which of the nodes are skips.

    Returns:
        topology index and nodes, or None where every node is a skip.

    >>> settle((0, 0, 0, 3), (False, False, False, False))
    (1, (3, 1, 2, 4))
    """
    parents = dict(enumerate(links, start=1))
    front: list[int] = []
    while (node := _idle_skip(parents, skips)) is not None:
        above = parents.pop(node)
        parents = {child: above if parent == node else parent for child, parent in parents.items()}
        front.append(node)
    if not parents:
        return None
    for rest in permutations(parents):
        order = (*front, *rest)
        place = {node: index for index, node in enumerate(order, start=1)} | {0: len(front)}
        moved = (*range(len(front)), *(place[parents[node]] for node in rest))
        if moved in TOPOLOGIES:
            return TOPOLOGIES.index(moved), order
    raise AssertionError(f"no topology fits {links}")


def _idle_skip(parents: dict[int, int], skips: tuple[bool, ...]) -> int | None:
    """A skip that only passes its input on (rule 1), or None."""
    for node, parent in parents.items():
        has_child = node in parents.values()
        has_sibling = any(other != node and above == parent for other, above in parents.items())
        if skips[node - 1] and (has_child or not has_sibling or parent == 0):
            return node
    return None


def _sorted_parts(topology: int, operations: NDArray[np.int64]) -> NDArray[np.int64]:
    """Operations (b, 4) with the topology's interchangeable parts in order (rule 3)."""
    result = operations.copy()
    if topology in _INTERCHANGEABLE:
        part = _INTERCHANGEABLE[topology]
        result[:, part] = np.sort(operations[:, part], axis=1)
    elif topology == _TWO_CHAINS:
        chains = operations[:, [0, 1]] * len(OPERATIONS) + operations[:, [2, 3]]
        swap = chains[:, 0] > chains[:, 1]
        result[swap] = operations[swap][:, [1, 0, 3, 2]]
    return result


@cache
def canonical_ids() -> NDArray[np.int32]:
    """The canonical architecture's id for each links index and operations index, (24, 6561); −1 for none."""
    fillings = np.indices((len(OPERATIONS),) * NODES).reshape(NODES, -1).T  # (6561, 4)
    table = np.full((len(LINK_LISTS), FILLINGS), -1, dtype=np.int32)
    for skips in product((False, True), repeat=NODES):
        rows = np.flatnonzero(np.all((fillings == SKIP) == skips, axis=1))
        for index, links in enumerate(LINK_LISTS):
            settled = settle(links, skips)
            if settled is not None:
                topology, order = settled
                operations = _sorted_parts(topology, fillings[rows][:, np.array(order) - 1])
                table[index, rows] = topology * FILLINGS + operations_index(operations)
    return table


@cache
def architecture_ids() -> NDArray[np.int32]:
    """The ids of all canonical architectures, ascending, (26206,)."""
    ids = np.unique(canonical_ids())
    return ids[ids >= 0]


@cache
def _reattachments(topology: int) -> list[tuple[int, list[int]]]:
    """Each way to hang one node elsewhere: links index of the new tree, and positions 0..3 in its order."""
    parents = dict(enumerate(TOPOLOGIES[topology], start=1))
    found = []
    for node, parent in product(range(1, NODES + 1), range(NODES + 1)):
        path = [parent]
        while path[-1] != 0:
            path.append(parents[path[-1]])
        if parent == parents[node] or node in path:
            continue
        changed = parents | {node: parent}
        depth = {0: 0}
        while len(depth) <= NODES:
            depth |= {child: depth[above] + 1 for child, above in changed.items() if above in depth}
        order = sorted(changed, key=lambda child: depth[child])
        place = {0: 0} | {child: index for index, child in enumerate(order, start=1)}
        links = tuple(place[changed[child]] for child in order)
        found.append((LINK_LISTS.index(links), [child - 1 for child in order]))
    return found


@cache
def neighbour_lists() -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Neighbours, as (starts, ids): those of architecture r are ids[starts[r]:starts[r + 1]].

    A change replaces one operation or hangs one node elsewhere; two architectures are neighbours when a
    change leads from one to the other in either direction (a skip that moves to the front can hide the way
    back).
    """
    architectures, table = architecture_ids(), canonical_ids()
    codes = ids_to_codes(architectures)
    pairs = []
    links = links_index(np.array(TOPOLOGIES))[codes[:, 0]]
    for position, choice in product(range(1, NODES + 1), range(len(OPERATIONS))):
        changed = codes.copy()
        changed[:, position] = choice
        pairs.append((architectures, table[links, operations_index(changed[:, 1:])]))
    for topology in range(len(TOPOLOGIES)):
        rows = codes[:, 0] == topology
        for index, order in _reattachments(topology):
            changed_ids = table[index, operations_index(codes[rows, 1:][:, order])]
            pairs.append((architectures[rows], changed_ids))
    here = np.concatenate([left for left, _ in pairs]).astype(np.int64)
    there = np.concatenate([right for _, right in pairs]).astype(np.int64)
    keep = (there >= 0) & (there != here)
    here, there = here[keep], there[keep]
    base = len(TOPOLOGIES) * FILLINGS
    both = np.unique(np.concatenate([here * base + there, there * base + here]))
    starts = np.searchsorted(both // base, np.append(architectures, base))
    return starts, (both % base).astype(np.int32)
