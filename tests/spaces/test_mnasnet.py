"""Known answers of mnasnet: the table's own columns, a network counted layer by layer, and spellings."""

import csv
import gzip
from itertools import pairwise

import numpy as np
import pytest

from spaces.known import get_space
from spaces.space import InvalidArchitecture
from tests.spaces.reference_network import Network

SPACE = get_space("mnasnet")
SMALLEST = "|".join(["e1_k3_l1"] * 7)
LARGEST = "|".join([*["e6_k5_l3_se"] * 5, "e6_k5_l4_se", "e6_k5_l3_se"])


def run(architecture):
    """The whole network, layer by layer, from the canonical string."""
    network = Network()
    tensor = network.convolution(network.image(224), 32, 3, 2)
    for part, outputs, first in zip(
        architecture.split("|"), (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 2, 1, 2, 1), strict=True
    ):
        expansion, kernel, layers, *se = part.split("_")
        for layer in range(int(layers[1:])):
            tensor = network.inverted_residual(
                tensor, outputs, int(kernel[1:]), first if layer == 0 else 1, int(expansion[1:]),
                expands=expansion != "e1", squeezed=tensor[0].channels // 4 if se else 0,
            )  # fmt: skip
    assert tensor[0].side == 7
    network.classifier(network.convolution(tensor, 1280, 1), 1000)
    return network


@pytest.fixture(scope="module")
def rows(data_dir):
    """The table's lines, as they are."""
    path = data_dir / "mnasnet_imagenet.csv.gz"
    if not path.is_file():
        pytest.skip("mnasnet_imagenet.csv.gz is not in NETWRIGHT_DATA")
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def codes_of(rows):
    return SPACE.parse_many({v.name: int(row[v.name]) for v in SPACE.variables} for row in rows)


def test_the_choices_are_the_tables(rows):
    for variable in SPACE.variables:
        assert {int(row[variable.name]) for row in rows} == set(map(int, variable.choices)), variable.name
    assert SPACE.size == 36**6 * 48 == 104_485_552_128


def test_parameters_are_the_tables_in_every_row(rows):
    params = SPACE.statistics(codes_of(rows))["params_m"]
    assert len(rows) == 4_626
    assert [f"{value:.6f}" for value in params] == [f"{float(row['params_m']):.6f}" for row in rows]


def test_the_tables_macs_are_reproduced_in_every_row(rows):
    codes = codes_of(rows)
    counted = SPACE.table_macs_m(codes)
    assert [f"{value:.6f}" for value in counted] == [f"{float(row['macs_m']):.6f}" for row in rows]
    share = SPACE.statistics(codes)["macs_m"] / counted
    assert 0.85 < share.min() < share.max() < 0.97, "convolutions and linear layers alone are less"


def test_costs_are_those_of_the_network_counted_layer_by_layer():
    codes = SPACE.sample(200, np.random.default_rng(0))
    codes[:2] = SPACE.parse_many([SMALLEST, LARGEST])
    statistics, table = SPACE.statistics(codes, "imagenet"), SPACE.table_macs_m(codes)
    for index, architecture in enumerate(SPACE.format(codes)):
        network = run(architecture)
        assert {name: values[index] for name, values in statistics.items()} == network.statistics()
        assert table[index] == (network.macs + 4 * network.activations + network.pooled) / 1e6


def test_the_smallest_by_hand():
    """Depthwise and narrowing convolutions only, one layer a block."""
    widths = [32, 16, 24, 40, 80, 112, 192, 320]
    layers = sum(9 * a + 2 * a + a * b + 2 * b for a, b in pairwise(widths))
    params = 27 * 32 + 64 + layers + 320 * 1280 + 2560 + 1281 * 1000
    statistics = SPACE.statistics(SPACE.parse(SMALLEST)[None])
    assert statistics["params_m"][0] == params / 1e6
    assert statistics["depth"][0] == 1 + 7 * 2 + 1 + 1
    # The first layer reads and makes 32 channels at 112×112.
    assert statistics["peak_memory_mb"][0] == 2 * 32 * 112**2 * 4 / 1e6


def test_squeeze_excite_has_weights_and_biases():
    squeezed = SMALLEST.replace("e1_k3_l1", "e1_k3_l1_se", 1)
    plain, more = (SPACE.statistics(SPACE.parse(text)[None]) for text in (SMALLEST, squeezed))
    assert more["params_m"][0] - plain["params_m"][0] == pytest.approx((2 * 32 * 8 + 32 + 8) / 1e6)
    assert more["macs_m"][0] - plain["macs_m"][0] == pytest.approx(2 * 32 * 8 / 1e6)
    assert more["depth"][0] == plain["depth"][0]


def test_strings_spell_the_variables():
    values = SPACE.to_variables(
        SPACE.parse("|".join(["e6_k5_l2_se", *["e1_k3_l1"] * 4, "e4_k3_l4", "e1_k5_l3"]))
    )
    assert [values[f"block0_{name}"] for name in ("e", "k", "l", "se")] == [6, 5, 2, True]
    assert [values[f"block5_{name}"] for name in ("e", "k", "l", "se")] == [4, 3, 4, False]
    assert list(values)[-4:] == ["block6_e", "block6_k", "block6_l", "block6_se"]


@pytest.mark.parametrize("se", [(0, 1), (False, True)])
def test_squeeze_excite_is_a_number_or_a_truth_value(se):
    values = SPACE.to_variables(SPACE.parse(SMALLEST))
    off, on = (SPACE.from_variables(values | {"block2_se": value}) for value in se)
    assert np.flatnonzero(off != on).tolist() == [11]
    assert SPACE.format(on[None])[0].split("|")[2] == "e1_k3_l1_se"


@pytest.mark.parametrize(
    "wrong", [{"block0_e": True}, {"block0_l": True}, {"block0_se": 2}, {"block0_se": 1.0}, {"block0_l": 4}]
)
def test_other_values_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(InvalidArchitecture, match=name):
        SPACE.from_variables(SPACE.to_variables(SPACE.parse(SMALLEST)) | wrong)


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [
        ("", 0, "eE_kK_lL"),
        (SMALLEST[:-9], 53, "for example"),
        (SMALLEST + "|e1_k3_l1", 62, "7 blocks"),
        (SMALLEST.replace("l1", "l4", 1), 0, "1, 2, 3"),
        (SMALLEST + " ", 54, "eE_kK_lL"),
        (SMALLEST.replace("e1_k3_l1|", "e1_k3_l1|e2_k3_l1|", 1), 9, "1, 4, 6"),
        ("e1_k3_l1|" * 100, 83, "for example"),
    ],
)
def test_errors_say_where(text, position, hint):
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.parse(text)
    assert caught.value.position == position
    assert hint in caught.value.hint


def test_neighbours_differ_in_one_variable():
    near = SPACE.neighbours(SPACE.parse(SMALLEST))
    assert len(near) == 7 * (2 + 1 + 2 + 1) + 1
    assert np.all((near != SPACE.parse(SMALLEST)).sum(axis=1) == 1)


def test_an_operation_is_a_block_with_its_place():
    graph = SPACE.graph(SPACE.parse(SMALLEST)[None])
    names = [SPACE.operations[index] for index in graph.operations[0]]
    assert names == ["input", *(f"block{index}_e1_k3_l1" for index in range(7)), "output"]
    assert np.array_equal(graph.adjacency[0], np.eye(9, k=1, dtype=bool))
