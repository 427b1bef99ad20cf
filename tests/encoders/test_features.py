"""Features that need no training: shapes, known answers, and what must not change them."""

from itertools import groupby

import numpy as np
import pytest

from encoders import features as module
from encoders.features import DEFAULT_KINDS, feature_names, features
from encoders.training_free.kind import KINDS
from encoders.training_free.sequences import is_chain, longest_sequence
from spaces.known import get_space, space_names
from spaces.space import Graph, Slot, Space, Variable

SPACES = [get_space(name) for name in space_names()]
NASBENCH201 = get_space("nasbench201")
TABLED = ("path", "live", "counts", "messages")


def row(space, text, kind):
    """The features of one architecture by name, without the zeros."""
    values = features(space, space.parse(text)[None], kinds=[kind])[0]
    return {name: value for name, value in zip(feature_names(space, [kind]), values, strict=True) if value}


@pytest.mark.parametrize("space", SPACES, ids=space_names())
def test_columns_have_names(space):
    codes = space.sample(50, np.random.default_rng(0))
    names = feature_names(space)
    values = features(space, codes)
    assert values.shape == (50, len(names)) == (50, len(set(names)))
    assert values.dtype == np.float32
    assert np.all(np.isfinite(values))
    assert names == tuple(name for kind in DEFAULT_KINDS for name in feature_names(space, [kind]))
    assert features(space, codes[:0]).shape == (0, len(names))
    turned = features(space, codes, kinds=("statistics", "onehot"))
    assert np.array_equal(turned[:, len(space.statistics_names) :], features(space, codes, kinds=["onehot"]))


@pytest.mark.parametrize("space", SPACES, ids=space_names())
@pytest.mark.parametrize("kind", TABLED)
def test_the_table_holds_what_is_computed(space, kind):
    """More rows than a chunk, so that the seam is seen; one by one for a few."""
    codes = space.sample(9000, np.random.default_rng(0))
    looked_up = features(space, codes, kinds=[kind])
    assert np.array_equal(looked_up, module._computed(KINDS[kind], space, codes, None))
    for index in (0, 4095, 4096, 8999):
        alone = KINDS[kind].values(space, codes[index : index + 1], None)
        assert np.array_equal(alone[0], looked_up[index])


def test_codes_that_are_not_canonical_are_computed():
    space = get_space("gnn")
    codes = np.array([[0, 3, 2, 1, 0], [0, 0, 1, 2, 3]], dtype=np.int8)
    assert not np.array_equal(space.canonical(codes), codes)
    for kind in TABLED:
        assert np.array_equal(features(space, codes, kinds=[kind]), KINDS[kind].values(space, codes, None))


def test_one_hot_has_a_one_for_each_variable():
    found = row(NASBENCH201, "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|", "onehot")
    assert set(found.values()) == {1.0}
    edges = [f"onehot:edge_{edge}=none" for edge in ("0_1", "0_2", "1_2", "0_3", "1_3")]
    assert set(found) == {*edges, "onehot:edge_2_3=skip_connect"}


CELL = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_1x1~2|"


def test_paths_by_hand():
    found = row(NASBENCH201, CELL, "path")
    assert {name for name in found if name.startswith("path:")} == {
        "path:skip_connect",
        "path:none>nor_conv_1x1",
        "path:nor_conv_3x3>nor_conv_1x1",
        "path:nor_conv_3x3>avg_pool_3x3>nor_conv_1x1",
    }
    assert {name: value for name, value in found.items() if name.startswith("pair:")} == {
        "pair:nor_conv_3x3>avg_pool_3x3": 1,
        "pair:nor_conv_3x3>nor_conv_1x1": 1,
        "pair:avg_pool_3x3>nor_conv_1x1": 1,
        "pair:none>nor_conv_1x1": 1,
    }


def test_live_paths_by_hand():
    assert row(NASBENCH201, CELL, "live") == {
        "live:": 1,
        "live:nor_conv_3x3>nor_conv_1x1": 1,
        "live:nor_conv_3x3>avg_pool_3x3>nor_conv_1x1": 1,
        "live_uses:nor_conv_3x3": 2,
        "live_uses:avg_pool_3x3": 1,
        "live_uses:nor_conv_1x1": 2,
        "live_paths": 3,
        "live_longest": 3,
    }


def test_positional_features_by_hand():
    found = row(get_space("gnn"), "0|1|1|2:gcn|gat|skip|sage", "positional")
    assert found == {
        "count:gcn": 1, "count:gat": 1, "count:skip": 1, "count:sage": 1,
        "depth:1:gcn": 1, "depth:2:gat": 1, "depth:2:skip": 1, "depth:3:sage": 1,
        "last:skip": 1, "last:sage": 1,
        "after:input:gcn": 1, "after:gcn:gat": 1, "after:gcn:skip": 1, "after:gat:sage": 1,
        "shape:0-1": 1, "shape:1-2": 1, "shape:1-3": 1, "shape:2-4": 1, "shape:3-5": 1, "shape:4-5": 1,
        "shape:first": 1, "shape:last": 2, "shape:longest": 4,
    }  # fmt: skip


def test_a_dead_cell_has_no_live_features():
    assert row(NASBENCH201, "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|", "live") == {}


def test_counts_by_hand():
    assert row(NASBENCH201, CELL, "counts") == {
        "count:none": 1, "count:skip_connect": 1, "count:nor_conv_3x3": 1, "count:avg_pool_3x3": 1,
        "count:nor_conv_1x1": 2, "inputs:none": 1, "inputs:skip_connect": 1, "inputs:nor_conv_3x3": 1,
        "inputs:avg_pool_3x3": 1, "inputs:nor_conv_1x1": 3, "outputs:none": 1, "outputs:skip_connect": 1,
        "outputs:nor_conv_3x3": 2, "outputs:avg_pool_3x3": 1, "outputs:nor_conv_1x1": 2, "edges": 10,
    }  # fmt: skip


def test_isomorphic_cells_share_live_features():
    """All 15,625 cells in their 6,466 classes."""
    cells = NASBENCH201.enumerate()
    live = features(NASBENCH201, cells, kinds=["live"])
    keyed = sorted((NASBENCH201.isomorphism_key(codes), index) for index, codes in enumerate(cells))
    classes = 0
    for _, group in groupby(keyed, key=lambda pair: pair[0]):
        rows = [index for _, index in group]
        assert np.all(live[rows] == live[rows[0]]), NASBENCH201.format(cells[rows])
        classes += 1
    assert classes == 6466
    assert len(np.unique(live, axis=0)) > 4000, "and most classes differ in them"


def relabelled(graph, rng):
    """The same graphs with the inner nodes in another topological order."""
    operations, adjacency = graph.operations.copy(), graph.adjacency.copy()
    nodes = operations.shape[1]
    moved = 0
    for index in range(len(operations)):
        edges, order = graph.adjacency[index], [0]
        while len(order) < nodes - 1:
            waiting = [node for node in range(1, nodes - 1) if node not in order]
            ready = [node for node in waiting if set(np.flatnonzero(edges[:, node])) <= set(order)]
            order.append(int(rng.choice(ready)))
        order.append(nodes - 1)
        moved += order != list(range(nodes))
        operations[index] = graph.operations[index, order]
        adjacency[index] = edges[np.ix_(order, order)]
    return Graph(operations, adjacency), moved


@pytest.mark.parametrize("space", SPACES, ids=space_names())
@pytest.mark.parametrize("kind", TABLED)
def test_node_order_changes_nothing(space, kind, monkeypatch):
    codes = space.sample(200, np.random.default_rng(0))
    before = KINDS[kind].values(space, codes, None)
    graph, moved = relabelled(space.graph(codes), np.random.default_rng(1))
    assert moved == 0 if is_chain(space) else moved > 50
    monkeypatch.setattr(space, "graph", lambda codes: graph)
    assert np.array_equal(KINDS[kind].values(space, codes, None), before)


def test_statistics_follow_the_task():
    space = get_space("gnn")
    codes = space.enumerate()[:5]
    cora, arxiv = (features(space, codes, task, ["statistics"])[:, 0] for task in ("cora", "arxiv"))
    assert np.allclose(np.exp(arxiv), space.statistics(codes, "arxiv")["params_m"], rtol=1e-5)
    assert not np.allclose(cora, arxiv)


def test_an_unknown_kind_is_refused():
    with pytest.raises(KeyError, match="onehot"):
        features(NASBENCH201, NASBENCH201.enumerate()[:1], kinds=["nothing"])


class Chain(Space):
    """20 operations of 3 in a row: too many architectures for a table, its paths too long to be spelled."""

    name = "chain"
    variables = tuple(Variable(f"layer{node}", ("a", "b", "zero")) for node in range(1, 21))
    operations = ("input", "a", "b", "zero", "output")
    zero_operations = ("zero",)
    slots = tuple(Slot(f"layer{node}", 3, node) for node in range(1, 21))
    skeleton = np.eye(22, k=1, dtype=bool)
    size = 3**20
    statistics_names = ("params_m", "depth")

    def graph(self, codes):
        ends = np.zeros((len(codes), 1), dtype=np.int64)
        return Graph(
            np.hstack([ends, codes + 1, ends + 4]), np.repeat(self.skeleton[None], len(codes), axis=0)
        )

    def statistics(self, codes, task=None):
        return {"params_m": (codes == 0).sum(axis=1) * 1.0, "depth": (codes < 2).sum(axis=1) * 1.0}

    def sample(self, count, rng):
        return rng.integers(0, 3, (count, 20), dtype=np.int8)

    parse = format = reason = canonical = neighbours = isomorphism_key = slot_values = from_slots = None


def test_a_large_space_needs_no_code_of_its_own():
    space = Chain()
    codes = space.sample(5000, np.random.default_rng(0))
    codes[0] = 1
    names, values = feature_names(space), features(space, codes)
    assert values.shape == (5000, len(names))
    first = dict(zip(names, values[0], strict=True))
    assert (first["count:b"], first["live_longest"], first["live_uses:b"], first["pair:b>b"]) == (
        20,
        20,
        20,
        19,
    )
    assert first["log_params_m"] == np.float32(np.log(1e-6))


def test_a_chain_has_no_features_that_say_nothing_or_say_it_twice():
    """No paths, for all are longer than can be spelled; no edges, for all have as many."""
    assert [name for name in feature_names(Chain()) if name.startswith(("path:", "live:"))] == []
    kinds = ("path", "live", "counts")
    assert feature_names(get_space("mnasnet"), kinds) == ("live_longest",)
    names = feature_names(get_space("fbnet"), kinds)
    assert {name.split(":")[0] for name in names} == {"live_longest", "count"}
    assert len(feature_names(get_space("fbnet"))) < 300


def test_stages_are_counted_by_hand():
    """Operations of a stage, which fixes the channels; a skip that does nothing is the same everywhere."""
    space, stages = get_space("fbnet"), ["skip", *["k3_e1|skip|skip|k5_e6"] * 5, "k3_e1"]
    found = row(space, "|".join(stages), "counts")
    expected = {f"count:stage{stage}_{choice}": 1 for stage in range(1, 6) for choice in ("k3_e1", "k5_e6")}
    assert found == expected | {"count:skip": 11}
    assert row(space, "|".join(stages), "live") == {"live_longest": 11}


def test_words_of_a_chain_with_many_skips():
    """Where each of three places may be a skip, short words occur; where none may, only words of three do."""
    space = Chain()
    space.variables, space.slots, space.size = space.variables[:3], space.slots[:3], 27
    space.skeleton = np.eye(5, k=1, dtype=bool)
    space.identity_operations, space.zero_operations = ("zero",), ()
    assert longest_sequence(2, space, ("zero",)) == longest_sequence(2, space) == 3
    assert longest_sequence(100, space, ("zero",)) == 1
    assert longest_sequence(100, space) == 0


def test_messages_are_passed_on_raw_features_through_skips_and_as_a_list_where_one_operation_asks():
    gnn = get_space("gnn")
    # The input reaches sage itself and, through the skip, graph; fc reads what sage put out.
    assert row(gnn, "0|0|1|2:sage|skip|fc|graph", "messages") == {
        "raw:sage": 1, "raw:skip": 1, "raw:graph": 1, "hidden:fc": 1, "raw": 2
    }  # fmt: skip
    assert row(gnn, "0|0|1|2:sage|skip|gcn|graph", "messages") == {
        "raw:sage": 1, "raw:skip": 1, "raw:graph": 1, "hidden:gcn": 1, "raw": 2, "listed": 1, "raw_listed": 2
    }  # fmt: skip
    assert feature_names(NASBENCH201, ["messages"]) == ()
