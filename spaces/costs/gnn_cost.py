"""Parameters of a NAS-Bench-Graph network, in closed form.

Every node has hidden width d and reads either the raw features (width f, if no node above it computes) or
width d. The benchmark fixes per data set whether a linear layer maps f to d first, and whether one maps
the concatenated leaves back to d before the classifier; each node has a batch norm.
"""

from dataclasses import dataclass

import numpy as np

from spaces.gnn_trees import NODES, OPERATIONS, SKIP, TOPOLOGIES
from spaces.space import Codes, Floats

_MATRICES = np.array([1, 1, 1, 2, 2, 2, 2, 1, 0])
"""Weight matrices from the node's input to width d, by operation."""
_VECTORS = np.array([3, 1, 1, 1, 1, 1, 1, 1, 0])
"""Vectors of width d: a bias, and in gat two of attention."""
_SQUARES = np.array([0, 0, 0, 0, 0, 1, 0, 0, 0])
"""Weight matrices from d to d whatever the input: arma's second step."""


@dataclass(frozen=True, slots=True)
class Network:
    """The numbers that a data set fixes: raw features, hidden width, classes, linear layers before and
    after."""

    features: int
    hidden: int
    classes: int
    before: bool
    after: bool


NETWORKS = {
    "cora": Network(1433, 256, 7, before=False, after=True),
    "citeseer": Network(3703, 256, 6, before=False, after=True),
    "pubmed": Network(500, 128, 3, before=False, after=False),
    "cs": Network(6805, 128, 15, before=True, after=False),
    "physics": Network(8415, 256, 5, before=True, after=False),
    "photo": Network(745, 128, 8, before=False, after=False),
    "computers": Network(767, 64, 10, before=True, after=True),
    "arxiv": Network(128, 128, 40, before=False, after=True),
    "proteins": Network(8, 256, 112, before=True, after=True),
}


def params(codes: Codes, task: str) -> Floats:
    """Trainable parameters of codes (b, 5), in millions, (b,).

    Equal to the benchmark's own ``para`` in every row of eight data sets. On physics it is equal in 24,639
    rows; the other 1,567 of the benchmark hold means over runs of different networks (most: two runs of
    this one, and one with hidden width 128 and no linear layer before).
    """
    network = NETWORKS[task]
    width = network.hidden
    links = np.array(TOPOLOGIES)[codes[:, 0]]  # (b, 4)
    rows = np.arange(len(codes))
    raw = np.ones((len(codes), NODES + 1), dtype=bool)  # whether a node's output still is the raw input
    total = np.zeros(len(codes), dtype=np.int64)
    for node in range(1, NODES + 1):
        operation = codes[:, node]
        reads_raw = raw[rows, links[:, node - 1]]
        raw[:, node] = reads_raw & (operation == SKIP)
        inputs = np.where(reads_raw & (not network.before), network.features, width)
        total += (_MATRICES[operation] * inputs + _VECTORS[operation] + _SQUARES[operation] * width) * width
    leaves = leaf_counts()[codes[:, 0]]
    if network.before:
        total += (network.features + 1) * width
    if network.after:
        total += (leaves * width + 1) * width + (width + 1) * network.classes
    else:
        total += (leaves * width) * network.classes + network.classes
    return (total + NODES * 2 * width) / 1e6


def leaf_counts() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number of nodes without a child, by topology, (9,)."""
    return np.array([sum(node not in links for node in range(1, NODES + 1)) for links in TOPOLOGIES])


def depths(codes: Codes) -> Floats:
    """Operations other than skip on the longest path from input to output of codes (b, 5), (b,)."""
    links = np.array(TOPOLOGIES)[codes[:, 0]]
    rows = np.arange(len(codes))
    depth = np.zeros((len(codes), NODES + 1))
    for node in range(1, NODES + 1):
        depth[:, node] = depth[rows, links[:, node - 1]] + (codes[:, node] != SKIP)
    return np.asarray(depth.max(axis=1), dtype=np.float64)


def operation_counts(codes: Codes) -> dict[str, Floats]:
    """How often each operation occurs in codes (b, 5): operation → (b,)."""
    return {
        name: (codes[:, 1:] == index).sum(axis=1).astype(np.float64) for index, name in enumerate(OPERATIONS)
    }
