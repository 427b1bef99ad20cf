"""Known answers of nasbench201."""

from itertools import product

import numpy as np
import pytest

from spaces.families.nasbench201 import CHOICES, EDGES
from spaces.known import get_space
from spaces.space import InvalidArchitecture

SPACE = get_space("nasbench201")
ALL_CONV3 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
ALL_NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def test_cells_and_unique_cells():
    cells = SPACE.enumerate()
    assert len(cells) == 15_625
    assert len(set(SPACE.format(cells))) == 15_625
    assert len({SPACE.isomorphism_key(row) for row in cells}) == 6_466


@pytest.mark.parametrize(
    "cell,params,macs,depth", [(ALL_CONV3, 1_531_546, 220_119_680, 3), (ALL_NONE, 73_306, 7_783_040, 0)]
)
def test_known_costs(cell, params, macs, depth):
    statistics = SPACE.statistics(SPACE.parse(cell)[None])
    assert statistics["params_m"][0] == params / 1e6
    assert statistics["macs_m"][0] == macs / 1e6
    assert statistics["depth"][0] == statistics["conv_depth"][0] == depth


def test_these_are_the_extremes():
    statistics = SPACE.statistics(SPACE.enumerate())
    assert (statistics["params_m"].min(), statistics["params_m"].max()) == (0.073306, 1.531546)
    assert (statistics["macs_m"].min(), statistics["macs_m"].max()) == (7.78304, 220.11968)


def test_a_hundred_classes_enlarge_the_classifier_alone():
    cells = SPACE.enumerate()[:100]
    ten, hundred = SPACE.statistics(cells, "cifar10"), SPACE.statistics(cells, "cifar100")
    assert np.allclose(hundred["params_m"] - ten["params_m"], (64 + 1) * 90 / 1e6)
    assert np.allclose(hundred["macs_m"] - ten["macs_m"], 64 * 90 / 1e6)
    assert np.array_equal(hundred["peak_memory_mb"], ten["peak_memory_mb"])


def test_depth_is_that_of_the_longest_live_path():
    # 0→1 conv, 1→2 pool, 2→3 none: the long way is dead; 1→3 skip leaves one convolution.
    codes = SPACE.parse("|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|skip_connect~1|none~2|")
    statistics = SPACE.statistics(codes[None])
    assert (statistics["depth"][0], statistics["conv_depth"][0]) == (1, 1)


def test_edges_stand_in_the_strings_order():
    codes = SPACE.parse(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
    )
    assert SPACE.to_variables(codes) == {
        "edge_0_1": "avg_pool_3x3",
        "edge_0_2": "nor_conv_1x1",
        "edge_1_2": "skip_connect",
        "edge_0_3": "nor_conv_3x3",
        "edge_1_3": "none",
        "edge_2_3": "skip_connect",
    }


@pytest.mark.parametrize(
    "text,position",
    [
        ("", 0),
        ("|conv~0|", 1),
        (ALL_NONE[:-1], len(ALL_NONE) - 1),
        (ALL_NONE + "|", len(ALL_NONE)),
        (ALL_NONE.replace("~1", "~0", 1), 21),
        (ALL_NONE.replace("+", "", 1), 8),
        (" " + ALL_NONE, 0),
        (ALL_NONE + "|none~0|" * 100, 512),
    ],
)
def test_errors_say_where(text, position):
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.parse(text)
    assert caught.value.position == position
    assert caught.value.hint


@pytest.mark.parametrize(
    "cell,twin",
    [
        # A skip in front and behind of a convolution.
        (
            "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|",
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
        ),
        # An operation on the zero term is the zero term.
        (
            "|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|none~2|",
            "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
        ),
    ],
)
def test_twins_share_the_key_but_not_the_string(cell, twin):
    assert cell != twin
    assert SPACE.isomorphism_key(SPACE.parse(cell)) == SPACE.isomorphism_key(SPACE.parse(twin))


class Memory:
    """Counts the bytes of live tensors; Python's own reference counts decide what is alive."""

    def __init__(self):
        self.live = self.peak = 0

    def tensor(self, channels, side):
        return Tensor(self, channels * side * side * 4)


class Tensor:
    def __init__(self, memory, size):
        self.memory, self.size = memory, size
        memory.live += size
        memory.peak = max(memory.peak, memory.live)

    def __del__(self):
        self.memory.live -= self.size


def run_cell(kinds, nodes, new):
    """Runs a cell on the one tensor in nodes, dropping each reference as soon as nothing reads it."""
    readers = [sum(kinds[e] > 0 and EDGES[e][0] == node for e in range(6)) for node in range(4)]
    readers[3] = 1  # the caller
    nodes = [nodes.pop() if readers[0] else nodes.clear()]
    for target in (1, 2, 3):
        total, owned = None, False
        for kind, (source, into) in zip(kinds, EDGES, strict=True):
            if into != target or kind == 0:
                continue
            if nodes[source] is None:
                nodes[source] = new()  # zeros
            term, made = (nodes[source], False) if kind == 1 else (new(), True)
            readers[source] -= 1
            if readers[source] == 0:
                nodes[source] = None
            if total is None:
                total, owned = term, made
            elif made and not owned:
                total, owned = term, True  # added in place into the new tensor
            elif not owned:
                total, owned = new(), True
            del term
        nodes.append(total if readers[target] else None)
        del total
    return nodes[3] if nodes[3] is not None else new()


def run_network(kinds, side=32):
    """Peak bytes of the whole network, stem, 15 cells and reductions."""
    memory = Memory()
    image = memory.tensor(3, side)
    current = [memory.tensor(16, side)]
    del image
    for stage, channels in enumerate((16, 32, 64)):
        if stage > 0:
            side //= 2
            first = memory.tensor(channels, side)
            second = memory.tensor(channels, side)
            del first
            pooled = memory.tensor(channels // 2, side)
            current.clear()
            shortcut = memory.tensor(channels, side)
            del pooled, shortcut
            current = [second]
            del second
        for _ in range(5):
            current = [run_cell(kinds, current, lambda c=channels, s=side: memory.tensor(c, s))]
    return memory.peak


def test_peak_memory_is_what_reference_counts_say():
    """Every pattern of none, skip and operation, against a run that lets Python free the tensors."""
    every = list(product((0, 1, 2), repeat=6))
    choices = np.array([CHOICES.index(name) for name in ("none", "skip_connect", "avg_pool_3x3")])
    codes = choices[np.array(every)].astype(np.int8)
    for resolution in (32, 96):
        peaks = SPACE.costs(codes, SPACE.network_config(resolution=resolution))["peak_memory_mb"]
        for kinds, peak in zip(every, peaks.tolist(), strict=True):
            assert round(1e6 * peak) == run_network(kinds, resolution), kinds


def test_peak_memory_by_hand():
    # All convolutions: nodes 0, 1 and the sum of node 2 are alive while edge 1→2 makes its output.
    assert SPACE.statistics(SPACE.parse(ALL_CONV3)[None])["peak_memory_mb"][0] == 4 * 16 * 32 * 32 * 4 / 1e6
    # No operation: the reduction block is the largest, its input and both 3×3 outputs.
    assert SPACE.statistics(SPACE.parse(ALL_NONE)[None])["peak_memory_mb"][0] == 2 * 16 * 32 * 32 * 4 / 1e6
