"""Known answers of gnn, against the benchmark's own package."""

from itertools import product

import numpy as np
import pytest
from nas_bench_graph.architecture import Arch, all_archs

from spaces.gnn_trees import LINK_LISTS, OPERATIONS, TOPOLOGIES
from spaces.known import get_space
from spaces.space import InvalidArchitecture

SPACE = get_space("gnn")


def text(links, operations):
    return f"{'|'.join(map(str, links))}:{'|'.join(operations)}"


def key_of(string):
    return int(SPACE.table_key(SPACE.parse(string)[None])[0])


def test_the_architectures_are_the_benchmarks():
    codes = SPACE.enumerate()
    assert len(codes) == 26_206
    assert SPACE.table_key(codes).tolist() == sorted(arch.hash_arch() for arch in all_archs())


def test_any_tree_maps_to_the_benchmarks_architecture():
    """Each of the 24 link lists with operations drawn so that skips are frequent."""
    rng = np.random.default_rng(0)
    drawn = np.where(rng.random((400, 4)) < 0.4, OPERATIONS.index("skip"), rng.integers(0, 8, (400, 4)))
    for links, row in product(LINK_LISTS, drawn.tolist()):
        operations = [OPERATIONS[index] for index in row]
        if set(operations) != {"skip"}:
            assert key_of(text(links, operations)) == Arch(list(links), operations).valid_hash(), (
                links,
                operations,
            )


def test_key_is_topology_then_operations():
    assert key_of("0|0|1|3:gat|gcn|fc|sage") == 40174
    assert key_of("0|1|1|2:gcn|gat|skip|sage") == 61084


def test_architectures_on_proteins():
    codes = SPACE.enumerate()
    admitted = codes[SPACE.allowed(codes, "proteins")]
    assert len(admitted) == 2_021
    assert set(np.unique(admitted[:, 1:])) == {
        OPERATIONS.index(n) for n in ("gcn", "sage", "arma", "fc", "skip")
    }
    assert SPACE.allowed(codes, "cora").all()


def relabelled(values, order):
    """Slot values of the same tree with its nodes in another order; None where a node precedes its parent."""
    sources = {node: 0 for node in range(5)}
    for slot, value in zip(SPACE.slots, values.tolist(), strict=True):
        if slot.source is not None and value:
            sources[slot.node] = slot.source
    place = {0: 0} | {node: index for index, node in enumerate(order, start=1)}
    if any(place[sources[node]] >= place[node] for node in order):
        return None
    edges = {(place[sources[node]], place[node]) for node in order}
    operations = [values[node - 1] for node in order]
    rest = [(slot.source, slot.node) in edges for slot in SPACE.slots[4:]]
    return np.array([*operations, *rest], dtype=np.int8)


def test_slots_take_any_order_of_the_nodes():
    seen = 0
    for row in SPACE.sample(60, np.random.default_rng(0)):
        values = SPACE.slot_values(row[None])[0]
        for order in [(2, 1, 3, 4), (1, 3, 2, 4), (1, 2, 4, 3), (3, 1, 2, 4), (4, 3, 2, 1), (1, 3, 4, 2)]:
            moved = relabelled(values, order)
            if moved is not None:
                seen += 1
                codes, valid = SPACE.from_slots(moved[None])
                assert valid[0]
                assert np.array_equal(codes[0], row)
    assert seen > 60


def test_slots_that_are_no_tree_are_refused():
    tree = SPACE.slot_values(SPACE.parse(SPACE.example)[None])[0]
    two_parents, orphan = tree.copy(), tree.copy()
    names = [slot.name for slot in SPACE.slots]
    two_parents[names.index("edge_0_4")] = 1
    orphan[names.index("edge_2_4")] = 0
    no_bits = tree.copy()
    no_bits[[names.index("edge_0_2"), names.index("edge_1_2")]] = -1, 2
    all_skip = tree.copy()
    all_skip[:4] = OPERATIONS.index("skip")
    _, valid = SPACE.from_slots(np.stack([tree, two_parents, orphan, no_bits, all_skip]))
    assert valid.tolist() == [True, False, False, False, False]


def test_leaves_lead_to_the_output():
    adjacency = SPACE.graph(SPACE.parse("0|0|1|1:gcn|gat|gin|fc")[None]).adjacency[0]
    assert sorted(zip(*np.nonzero(adjacency), strict=True)) == [
        (0, 1),
        (0, 2),
        (1, 3),
        (1, 4),
        (2, 5),
        (3, 5),
        (4, 5),
    ]


def test_four_skips_are_refused():
    with pytest.raises(InvalidArchitecture, match="skips"):
        SPACE.parse("0|0|0|0:skip|skip|skip|skip")
    with pytest.raises(InvalidArchitecture, match="skips"):
        SPACE.from_variables({"topology": "0|0|0|0", **{f"op{node}": "skip" for node in range(1, 5)}})


@pytest.mark.parametrize(
    "string,position",
    [
        ("", 0),
        ("0|2|0|0:gcn|gcn|gcn|gcn", 2),
        ("0|0|0|0|gcn", 7),
        ("0|0|0|0:gcn|gnn|gcn|gcn", 12),
        ("0|0|0|0:gcn|gcn|gcn|gcn ", 23),
        ("0|0|0|0:" + "gcn|" * 1000, 64),
    ],
)
def test_errors_say_where(string, position):
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.parse(string)
    assert caught.value.position == position


def test_parameters_by_hand():
    # cora: 1,433 features, width 256, 7 classes. One gcn on the raw features, three on width 256, one leaf,
    # a linear layer 256→256 behind it, the classifier, four batch norms.
    params = 1433 * 256 + 256 + 3 * (256 * 256 + 256) + (256 * 256 + 256) + 256 * 7 + 7 + 4 * 2 * 256
    chain = SPACE.parse("0|1|2|3:gcn|gcn|gcn|gcn")[None]
    assert SPACE.statistics(chain, "cora")["params_m"][0] == params / 1e6
    # A leading skip leaves the next node on the raw features; a skip has no weights.
    shorter = SPACE.parse("0|1|2|3:skip|gcn|gcn|gcn")[None]
    assert SPACE.statistics(shorter, "cora")["params_m"][0] == (params - 256 * 256 - 256) / 1e6


def test_depth_leaves_and_counts():
    statistics = SPACE.statistics(SPACE.parse("0|1|1|2:gcn|gat|skip|sage")[None], "arxiv")
    assert statistics["depth"][0] == 3
    assert statistics["leaves"][0] == 2
    counts = {name: values[0] for name, values in statistics.items() if name.startswith("count_")}
    present = {name for name, count in counts.items() if count == 1}
    assert present == {"count_gcn", "count_gat", "count_skip", "count_sage"}
    assert sum(counts.values()) == 4


def test_an_unknown_task_is_refused():
    with pytest.raises(ValueError, match="cora"):
        SPACE.statistics(SPACE.enumerate()[:1], "imagenet")


def test_neighbours_change_an_operation_or_a_link():
    near = set(SPACE.format(SPACE.neighbours(SPACE.parse("0|1|2|3:gcn|gat|gin|fc"))))
    assert "0|1|2|3:gcn|gat|gin|sage" in near  # another operation
    assert "0|1|2|3:skip|gcn|gat|fc" in near  # a skip, which moves to the front
    assert "0|1|2|2:gcn|gat|gin|fc" in near  # node 4 hangs on node 2
    assert "0|0|0|1:gat|gcn|gin|fc" not in near  # two changes
    assert len(TOPOLOGIES) == 9


@pytest.mark.parametrize("task", SPACE.tasks)
def test_parameters_are_the_tables(tables, task):
    """Equal in every row but 1,567 of physics, where the table averages runs of different networks."""
    codes = tables.architectures("gnn", f"params_m@{task}")
    assert len(codes) == SPACE.allowed(SPACE.enumerate(), task).sum()
    measured = tables.values("gnn", f"params_m@{task}", codes)
    differ = np.abs(SPACE.statistics(codes, task)["params_m"] - measured) > 1e-9
    assert differ.sum() == (1_567 if task == "physics" else 0)
