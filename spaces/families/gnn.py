"""NAS-Bench-Graph (Qin et al., NeurIPS 2022): graph neural networks of four operations on a tree.

Each of four computing nodes has one predecessor among the input and the earlier nodes, and one of nine
operations; the leaves are concatenated into the output. See :mod:`spaces.gnn_trees` for which trees
are the same network and :mod:`spaces.costs.gnn_cost` for what one costs.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import combinations

import numpy as np

from spaces.canonical_table import CanonicalTable
from spaces.costs import gnn_cost
from spaces.costs.network_config import FULL, NetworkConfig
from spaces.gnn_trees import (
    FILLINGS,
    NODES,
    OPERATIONS,
    SKIP,
    TOPOLOGIES,
    architecture_ids,
    canonical_ids,
    ids_to_codes,
    links_index,
    neighbour_lists,
    operations_index,
)
from spaces.known import SPACES
from spaces.space import Bools, Codes, Floats, Graph, InvalidArchitecture, Slot, Space, Variable

_LONGEST = 64
_PROTEINS = ("gcn", "sage", "arma", "fc", "skip")
_ALL_SKIP = "all four operations are skips; an architecture computes something"


def _adjacency() -> Bools:
    """(9, 6, 6): the edges of each topology; node 0 is the input, 5 the output."""
    adjacency = np.zeros((len(TOPOLOGIES), NODES + 2, NODES + 2), dtype=bool)
    for index, links in enumerate(TOPOLOGIES):
        for node, link in enumerate(links, start=1):
            adjacency[index, link, node] = True
            adjacency[index, node, NODES + 1] = node not in links
    return adjacency


_EDGES = tuple(combinations(range(NODES + 1), 2))  # (0, 1), (0, 2), …, (3, 4)
_ADJACENCY = _adjacency()
_TOPOLOGY_LINKS = links_index(np.array(TOPOLOGIES))


@SPACES.register
class Gnn(Space):
    """The 26,206 architectures of NAS-Bench-Graph.

    The canonical string gives the predecessor of each node (0 is the input), then the operations:
    ``0|1|1|2:gcn|gat|skip|sage``. Any of the 24 link lists and any operations but four skips are
    understood; the canonical form is the benchmark's. An architecture's benchmark key is
    :meth:`table_key`.
    """

    name = "gnn"
    title = "NAS-Bench-Graph"
    variables = (
        Variable("topology", tuple("|".join(map(str, links)) for links in TOPOLOGIES)),
        *(Variable(f"op{node}", OPERATIONS) for node in range(1, NODES + 1)),
    )
    operations = ("input", *OPERATIONS, "output")
    identity_operations = ("skip",)
    list_operations = ("gat", "gcn", "cheb")
    slots = (
        *(Slot(f"op{node}", len(OPERATIONS), node) for node in range(1, NODES + 1)),
        *(Slot(f"edge_{source}_{target}", 2, target, source) for source, target in _EDGES),
    )
    skeleton = np.zeros((NODES + 2, NODES + 2), dtype=bool)
    size = 26_206
    tasks = tuple(gnn_cost.NETWORKS)
    devices = ("gpu",)
    metrics = ("accuracy", "latency_ms", "params_m")
    statistics_names = ("params_m", "depth", "leaves", *(f"count_{name}" for name in OPERATIONS))
    task_dependent_cost = True
    reference_task = "cora"
    """Whose parameters :meth:`statistics` gives where no task is named."""
    example = "0|1|1|2:gcn|gat|skip|sage"
    description = "Graph neural networks: four of nine operations on one of nine trees."

    def parse(self, text: str) -> Codes:
        """Canonical codes (5,) of ``links:operations``, which need not be canonical.

        >>> space = Gnn()
        >>> space.format(space.parse("0|0|0|3:gcn|gat|skip|sage")[None])
        ['0|1|1|1:skip|gat|gcn|sage']
        """
        if len(text) > _LONGEST:
            raise InvalidArchitecture(
                f"the string has {len(text)} characters, more than any architecture",
                position=_LONGEST,
                hint=f"for example {self.example}",
            )
        links, operations = np.empty(NODES, dtype=np.int8), np.empty(NODES, dtype=np.int8)
        position = 0
        for node in range(NODES):
            earlier = [str(link) for link in range(node + 1)]
            links[node], position = _take(text, position, earlier, f"the predecessor of node {node + 1}")
            position = _expect(text, position, "|" if node < NODES - 1 else ":")
        for node in range(NODES):
            operations[node], position = _take(text, position, OPERATIONS, f"operation {node + 1}")
            if node < NODES - 1:
                position = _expect(text, position, "|")
        if position != len(text):
            raise InvalidArchitecture(
                f"the architecture ends at position {position}, but text follows",
                position=position,
                hint=f"for example {self.example}",
            )
        if bool(np.all(operations == SKIP)):
            raise InvalidArchitecture(_ALL_SKIP, hint=f"for example {self.example}")
        codes: Codes = ids_to_codes(
            canonical_ids()[links_index(links[None]), operations_index(operations[None])]
        )[0]
        return codes

    def read_canonical(self, texts: Sequence[str]) -> Codes | None:
        """Codes (b, 5) of canonical strings, looked up in the list of all architectures."""
        return self._table.read(texts)

    @cached_property
    def _table(self) -> CanonicalTable:
        codes = self.enumerate()
        return CanonicalTable(codes, self.format(codes))

    def format(self, codes: Codes) -> list[str]:
        """Strings of codes (b, 5)."""
        trees = self.variables[0].choices
        return [
            f"{trees[topology]}:{'|'.join(OPERATIONS[operation] for operation in operations)}"
            for topology, *operations in codes.tolist()
        ]

    def reason(self, codes: Codes) -> str | None:
        """Codes out of range and four skips are refused; any other codes have a canonical form."""
        if codes.shape != (NODES + 1,):
            return f"an architecture has {NODES + 1} codes, not shape {codes.shape}"
        sizes = np.array([len(variable.choices) for variable in self.variables])
        if not bool(np.all((codes >= 0) & (codes < sizes))):
            return f"codes lie in 0..{len(OPERATIONS) - 1}"
        return _ALL_SKIP if bool(np.all(codes[1:] == SKIP)) else None

    def canonical(self, codes: Codes) -> Codes:
        """The benchmark's architecture that computes the same, of valid codes (b, 5)."""
        return ids_to_codes(canonical_ids()[_TOPOLOGY_LINKS[codes[:, 0]], operations_index(codes[:, 1:])])

    def table_key(self, codes: Codes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The benchmark's keys of canonical codes (b, 5): topology and operations as five decimal digits."""
        return codes.astype(np.int64) @ 10 ** np.arange(NODES, -1, -1)

    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Architectures drawn uniformly, (count, 5)."""
        return ids_to_codes(rng.choice(architecture_ids(), size=count))

    def enumerate(self) -> Codes:
        """All 26,206 architectures in the order of their benchmark keys."""
        return ids_to_codes(architecture_ids())

    def neighbours(self, codes: Codes) -> Codes:
        """Architectures that differ by one operation or by where one node hangs, canonical, (m, 5)."""
        starts, ids = neighbour_lists()
        canonical = self.canonical(codes[None])
        identity = int(canonical[0, 0]) * FILLINGS + operations_index(canonical[:, 1:])[0]
        row = int(np.searchsorted(architecture_ids(), identity))
        return ids_to_codes(ids[starts[row] : starts[row + 1]])

    def graph(self, codes: Codes) -> Graph:
        """Operations and edges on 6 nodes: input, the four computing nodes, output."""
        operations = np.empty((len(codes), NODES + 2), dtype=np.int64)
        operations[:, 0] = 0
        operations[:, 1:-1] = codes[:, 1:] + 1
        operations[:, -1] = len(self.operations) - 1
        return Graph(operations, _ADJACENCY[codes[:, 0]])

    def isomorphism_key(self, codes: Codes) -> str:
        """The canonical string: the benchmark's canonical form holds one architecture of each class."""
        return self.format(self.canonical(codes[None]))[0]

    def slot_values(self, codes: Codes) -> Codes:
        """Four operations, then for each pair of input and computing nodes whether the edge is there."""
        sources, targets = np.array(_EDGES).T
        edges = _ADJACENCY[codes[:, 0]][:, sources, targets]
        return np.concatenate([codes[:, 1:], edges.astype(np.int8)], axis=1)

    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        """Canonical codes of slot values (b, 14); valid where each node has one predecessor."""
        operations, edges = values[:, :NODES], values[:, NODES:]
        valid = np.all((operations >= 0) & (operations < len(OPERATIONS)), axis=1)
        valid &= np.all((edges == 0) | (edges == 1), axis=1)
        links = np.zeros((len(values), NODES), dtype=np.int64)
        for node in range(1, NODES + 1):
            incoming = [index for index, (_, target) in enumerate(_EDGES) if target == node]
            sources = np.array([_EDGES[index][0] for index in incoming])
            valid &= edges[:, incoming].sum(axis=1, dtype=np.int64) == 1
            links[:, node - 1] = edges[:, incoming].astype(np.int64) @ sources
        ids = np.full(len(values), -1, dtype=np.int64)
        ids[valid] = canonical_ids()[links_index(links[valid]), operations_index(operations[valid])]
        valid = ids >= 0
        codes = np.tile(self.parse(self.example), (len(values), 1))
        codes[valid] = ids_to_codes(ids[valid])
        return codes, valid

    def statistics(self, codes: Codes, task: str | None = None) -> dict[str, Floats]:
        """Exact parameters, depth, number of leaves and operation counts of codes (b, 5).

        MACs and memory depend on the number of nodes and edges of a data set's graph, and are not given.

        Args:
            codes: (b, 5).
            task: the data set, whose widths the parameters depend on; ``reference_task`` where None.

        Raises:
            ValueError: for a task that the space does not have.
        """
        task = task or self.reference_task
        if task not in self.tasks:
            raise ValueError(f"unknown task {task!r}; {self.name} has {', '.join(self.tasks)}")
        counts = gnn_cost.operation_counts(codes)
        return {
            "params_m": gnn_cost.params(codes, task),
            "depth": gnn_cost.depths(codes),
            "leaves": gnn_cost.leaf_counts()[codes[:, 0]].astype(np.float64),
            **{f"count_{name}": count for name, count in counts.items()},
        }

    def network_config(
        self,
        task: str | None = None,
        *,
        classes: int | None = None,
        resolution: int | None = None,
        skeleton: str = FULL,
    ) -> NetworkConfig:
        """A data set fixes everything; that of ``reference_task`` where the space does not know it.

        Raises:
            ValueError: for another number of classes than the data set has, or images.
        """
        known = task if task in gnn_cost.NETWORKS else self.reference_task
        fixed = gnn_cost.NETWORKS[known].classes
        if classes not in (None, fixed) or resolution is not None or skeleton != FULL:
            raise ValueError(f"the data set fixes the networks of {self.name}: {known} has {fixed} classes")
        return NetworkConfig(known, fixed)

    def allowed(self, codes: Codes, task: str | None) -> Bools:
        """All, but on proteins only architectures whose operations were trained there (2,021)."""
        if task != "proteins":
            return super().allowed(codes, task)
        admitted = np.array([name in _PROTEINS for name in OPERATIONS])
        admits: Bools = np.all(admitted[codes[:, 1:]], axis=1)
        return admits


def _take(text: str, position: int, choices: tuple[str, ...] | list[str], what: str) -> tuple[int, int]:
    """The choice that stands at a position, as its index, and the position after it."""
    for index, choice in enumerate(choices):
        if text.startswith(choice, position):
            return index, position + len(choice)
    raise InvalidArchitecture(
        f"{what} is due at position {position}", position=position, hint=f"one of {', '.join(choices)}"
    )


def _expect(text: str, position: int, token: str) -> int:
    """The position after a token that must stand here."""
    if not text.startswith(token, position):
        raise InvalidArchitecture(
            f"expected {token!r} at position {position}", position=position, hint=f"for example {Gnn.example}"
        )
    return position + len(token)
