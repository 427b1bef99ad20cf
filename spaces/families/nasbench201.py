"""NAS-Bench-201 (Dong & Yang, ICLR 2020): an image cell with 4 nodes, 6 edges and 5 operations.

The cell's node i sums what its edges bring: node 0 is the input, node 3 the output. The network stacks
it: 3×3 stem to 16 channels, three stages of 5 cells with 16, 32 and 64 channels at 32×32, 16×16 and 8×8,
a residual reduction block (stride 2) between stages, batch norm, ReLU, mean over the image, linear layer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spaces.canonical_table import CanonicalTable
from spaces.costs.layer_cost import strided
from spaces.costs.nasbench201_memory import peak_tensors
from spaces.costs.network_config import SMALL, NetworkConfig
from spaces.image_space import ImageSpace
from spaces.known import SPACES
from spaces.mixed_radix import all_codes, index_of
from spaces.space import Bools, Codes, Floats, Graph, InvalidArchitecture, Slot, Variable

CHOICES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV1, CONV3, POOL = range(5)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, target) of each variable, in the order of the string."""

CHANNELS = (16, 32, 64)
CELLS_PER_STAGE = 5
SMALL_CHANNELS, SMALL_CELLS_PER_STAGE = (8, 16, 32), 1
SIDE = 32
CLASSES = 10

_LONGEST = 512


def _skeleton() -> Bools:
    """Node 0 is the input, 1 + e the operation of edge e, 7 the output."""
    adjacency = np.zeros((8, 8), dtype=bool)
    for edge, (source, target) in enumerate(EDGES):
        adjacency[0, 1 + edge] = source == 0
        adjacency[1 + edge, 7] = target == 3
        for later, (middle, _) in enumerate(EDGES):
            adjacency[1 + edge, 1 + later] = target == middle
    return adjacency


@dataclass(frozen=True, slots=True)
class _Stack:
    """What is known of a network before its cell is.

    Args:
        params: outside the cells: stem, two reduction blocks, last batch norm, classifier.
        macs: outside the cells; biases count nothing.
        edge_params: of one edge in all cells, by operation: convolution without bias, affine batch norm.
        edge_macs: the same of multiply-accumulates.
        memory: bytes alive outside the cells, at most.
        tensor: bytes of the largest stage's tensors.
    """

    params: int
    macs: int
    edge_params: NDArray[np.int64]
    edge_macs: NDArray[np.int64]
    memory: int
    tensor: int


@lru_cache(64)
def _stack(network: NetworkConfig) -> _Stack:
    """The stack of stem, stages of cells and reduction blocks that a network is."""
    assert network.classes is not None and network.resolution is not None
    channels, cells = stacked(network.skeleton)
    sides = [network.resolution]
    while len(sides) < len(channels):
        sides.append(strided(sides[-1], 2))
    widths, areas = np.array(channels, dtype=np.int64), np.array(sides, dtype=np.int64) ** 2
    stem = 3 * 9 * channels[0]
    # Two 3×3 convolutions, and a 1×1 one behind the shortcut's pooling.
    weights = [9 * small * large + 9 * large**2 + small * large for small, large in pairwise(channels)]
    windows = np.array([[0], [0], [1], [9], [0]], dtype=np.int64)  # (operations, stages)
    tensors = [4 * width * side**2 for width, side in zip(channels, sides, strict=True)]
    return _Stack(
        params=stem
        + 2 * channels[0]
        + sum(weights)
        + sum(4 * large for large in channels[1:])
        + 2 * channels[-1]
        + (channels[-1] + 1) * network.classes,
        macs=stem * sides[0] ** 2
        + sum(count * side**2 for count, side in zip(weights, sides[1:], strict=True))
        + channels[-1] * network.classes,
        edge_params=cells * (windows * widths**2 + 2 * widths * (windows > 0)).sum(axis=1),
        edge_macs=cells * (windows * widths**2 * areas).sum(axis=1),
        # A reduction block holds its input and the outputs of both 3×3 convolutions.
        memory=max(
            4 * 3 * sides[0] ** 2 + tensors[0], *(before + 2 * behind for before, behind in pairwise(tensors))
        ),
        tensor=max(tensors),
    )


def stacked(skeleton: str) -> tuple[tuple[int, ...], int]:
    """Channels of the stages, and cells in each."""
    return (SMALL_CHANNELS, SMALL_CELLS_PER_STAGE) if skeleton == SMALL else (CHANNELS, CELLS_PER_STAGE)


@SPACES.register
class NasBench201(ImageSpace):
    """The 15,625 cells of NAS-Bench-201.

    The canonical string is the table's:
    ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, where the i-th group lists the edges into node i and ``op~j``
    is the operation on the edge from node j.
    """

    name = "nasbench201"
    title = "NAS-Bench-201"
    variables = tuple(Variable(f"edge_{source}_{target}", CHOICES) for source, target in EDGES)
    operations = ("input", *CHOICES, "output")
    zero_operations = ("none",)
    identity_operations = ("skip_connect",)
    slots = tuple(
        Slot(f"edge_{source}_{target}", len(CHOICES), 1 + edge) for edge, (source, target) in enumerate(EDGES)
    )
    skeleton = _skeleton()
    size = len(CHOICES) ** len(EDGES)
    tasks = ("cifar10", "cifar100", "cifar10-fp32", "cifar10-int8-ptq", "cifar10-int8-qat", "cifar10-analog")
    devices = (
        "1080ti_1", "1080ti_256", "1080ti_32", "essential_ph_1", "fpga", "gold_6240", "pixel2", "pixel3",
        "samsung_a50", "samsung_s7", "silver_4114", "silver_4210r", "titan_rtx_256", "titan_rtx_32",
        "titanx_1", "titanx_256", "titanx_32", "titanxp_1", "titanxp_256", "titanxp_32",
    )  # fmt: skip
    metrics = ("accuracy", "latency_ms", "params_m", "macs_m", "peak_memory_mb")
    statistics_names = ("params_m", "macs_m", "peak_memory_mb", "depth", "conv_depth")
    example = (
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    )
    description = "Image classifiers for 32×32 pixels: one cell of 6 edges, 5 operations, stacked 15 times."

    def parse(self, text: str) -> Codes:
        """Codes (6,) of a cell string; a cell has one spelling only.

        >>> NasBench201().parse("|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|").tolist()
        [0, 0, 0, 0, 0, 1]
        """
        if len(text) > _LONGEST:
            raise InvalidArchitecture(
                f"the string has {len(text)} characters, more than any cell",
                position=_LONGEST,
                hint=self.example,
            )
        codes = np.empty(len(EDGES), dtype=np.int8)
        position = 0
        for edge, (source, target) in enumerate(EDGES):
            opening = "+|" if source == 0 and target > 1 else "|"
            position = self._expect(text, position, opening)
            found = [index for index, choice in enumerate(CHOICES) if text.startswith(f"{choice}~", position)]
            if not found:
                raise InvalidArchitecture(
                    f"no operation at position {position}, where edge {source}→{target} is due",
                    position=position,
                    hint=f"an operation and ~{source}; the operations are {', '.join(CHOICES)}",
                )
            codes[edge] = found[0]
            position = self._expect(text, position + len(CHOICES[found[0]]), f"~{source}")
            if source == target - 1:
                position = self._expect(text, position, "|")
        if position != len(text):
            raise InvalidArchitecture(
                f"the cell ends at position {position}, but text follows",
                position=position,
                hint=self.example,
            )
        return codes

    def _expect(self, text: str, position: int, token: str) -> int:
        """The position after a token that must stand here."""
        if not text.startswith(token, position):
            raise InvalidArchitecture(
                f"expected {token!r} at position {position}",
                position=position,
                hint=f"for example {self.example}",
            )
        return position + len(token)

    def read_canonical(self, texts: Sequence[str]) -> Codes | None:
        """Codes (b, 6) of cell strings, looked up in the list of all cells."""
        return self._table.read(texts)

    def format(self, codes: Codes) -> list[str]:
        """Cell strings of codes (b, 6)."""
        return self._table.strings(index_of(codes, self.variables))

    @cached_property
    def _table(self) -> CanonicalTable:
        template = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
        codes = self.enumerate()
        return CanonicalTable(
            codes, [template.format(*(CHOICES[choice] for choice in row)) for row in codes.tolist()]
        )

    def reason(self, codes: Codes) -> str | None:
        """Every choice makes a cell; only codes out of range do not."""
        if codes.shape != (len(EDGES),):
            return f"a cell has {len(EDGES)} codes, not shape {codes.shape}"
        if not bool(np.all((codes >= 0) & (codes < len(CHOICES)))):
            return f"codes lie in 0..{len(CHOICES) - 1}"
        return None

    def canonical(self, codes: Codes) -> Codes:
        """The codes themselves: a cell has one spelling."""
        return codes.copy()

    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Cells drawn uniformly, (count, 6)."""
        return rng.integers(0, len(CHOICES), size=(count, len(EDGES)), dtype=np.int8)

    def neighbours(self, codes: Codes) -> Codes:
        """The 24 cells that differ on one edge, (24, 6)."""
        edges = np.repeat(np.arange(len(EDGES)), len(CHOICES) - 1)
        steps = np.tile(np.arange(1, len(CHOICES)), len(EDGES))
        result = np.tile(codes, (len(edges), 1))
        result[np.arange(len(edges)), edges] = (codes[edges] + steps) % len(CHOICES)
        return result

    def enumerate(self) -> Codes:
        """All 15,625 cells, the last edge varying fastest."""
        return all_codes(self.variables)

    def graph(self, codes: Codes) -> Graph:
        """Operations on 8 nodes: input, one node an edge in the string's order, output."""
        operations = np.empty((len(codes), 8), dtype=np.int64)
        operations[:, 0] = 0
        operations[:, 1:7] = codes + 1
        operations[:, 7] = len(self.operations) - 1
        return Graph(operations, np.repeat(self.skeleton[None], len(codes), axis=0))

    def isomorphism_key(self, codes: Codes) -> str:
        """The function that the cell computes, by the paper's simplification (6,466 distinct).

        A skip passes its input through. An operation that is none, or whose input is the zero term ``#``,
        is the zero term, which stays in the sum. Terms of a sum are sorted.
        """
        nodes = ["0"]
        for target in (1, 2, 3):
            terms = []
            for choice, (source, into) in zip(codes.tolist(), EDGES, strict=True):
                if into != target:
                    continue
                if choice == NONE or nodes[source] == "#":
                    terms.append("#")
                elif choice == SKIP:
                    terms.append(nodes[source])
                else:
                    terms.append(f"({nodes[source]})@{CHOICES[choice]}")
            nodes.append("+".join(sorted(terms)))
        return nodes[-1]

    def slot_values(self, codes: Codes) -> Codes:
        """The operation of each edge; value k is the k-th choice, ``operations[k + 1]``."""
        return codes.copy()

    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        """Every filling of the 6 slots is a cell."""
        valid = np.all((values >= 0) & (values < len(CHOICES)), axis=1)
        return np.where(valid[:, None], values, self.parse(self.example)).astype(np.int8), valid

    def usual_size(self, task: str | None, skeleton: str) -> tuple[int, int | None]:
        """32 pixels; 100 classes of ``cifar100``, otherwise 10."""
        return 100 if task == "cifar100" else CLASSES, SIDE

    def costs(self, codes: Codes, network: NetworkConfig) -> dict[str, Floats]:
        """Exact numbers of the whole network for one image with 3 channels.

        ``params_m`` counts every trainable number, batch norms and the classifier's bias included, and
        ``macs_m`` the convolutions and the linear layer; both count operations that do not reach the
        output, as the network holds and runs them. ``peak_memory_mb`` is in 10⁶ bytes, see
        :mod:`spaces.costs.nasbench201_memory`. ``depth`` is the number of convolutions and poolings on the
        cell's longest live path, ``conv_depth`` that of convolutions; a cell that is zero has 0.

        Args:
            codes: (b, 6).
            network: for how many classes, at which resolution, in which skeleton.
        """
        stack = _stack(network)
        shape = self._shape_table[index_of(codes, self.variables)]  # (b, 3)
        return {
            "params_m": (stack.params + stack.edge_params[codes].sum(axis=1)) / 1e6,
            "macs_m": (stack.macs + stack.edge_macs[codes].sum(axis=1)) / 1e6,
            "peak_memory_mb": np.maximum(stack.memory, shape[:, 0] * stack.tensor) / 1e6,
            "depth": shape[:, 1].astype(np.float64),
            "conv_depth": shape[:, 2].astype(np.float64),
        }

    @cached_property
    def _shape_table(self) -> NDArray[np.int64]:
        """(15625, 3): live tensors, depth, conv_depth of every cell in the order of :meth:`enumerate`."""
        codes = self.enumerate()
        kinds = np.array([0, 1, 2, 2, 2])[codes]  # none, skip, anything that makes a new tensor
        patterns, rows = np.unique(kinds, axis=0, return_inverse=True)
        peaks = np.array([peak_tensors(pattern) for pattern in patterns.tolist()])
        depth = _longest_path(codes, np.array([0, 0, 1, 1, 1]))
        conv_depth = _longest_path(codes, np.array([0, 0, 1, 1, 0]))
        return np.stack([peaks[rows], depth, conv_depth], axis=1)


def _longest_path(codes: Codes, weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Largest sum of weights on a path of edges that are not none, 0 where there is no path, (b,)."""
    unreachable = -99
    lengths = [np.zeros(len(codes), dtype=np.int64)]
    for target in (1, 2, 3):
        best = np.full(len(codes), unreachable)
        for edge, (source, into) in enumerate(EDGES):
            if into == target:
                choice = codes[:, edge]
                length = np.where(choice == NONE, unreachable, lengths[source] + weights[choice])
                best = np.maximum(best, length)
        lengths.append(best)
    return np.maximum(lengths[3], 0)
