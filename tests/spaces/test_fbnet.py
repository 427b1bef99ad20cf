"""Known answers of fbnet: the table's strings, a network counted layer by layer, and what the paper says."""

import csv
import gzip
from itertools import permutations

import numpy as np
import pytest

from spaces.families.fbnet import CHOICES
from spaces.known import get_space
from spaces.space import InvalidArchitecture
from tests.spaces.reference_network import Network

SPACE = get_space("fbnet")
FBNET_A = (
    "skip|k3_e3|k3_e1|skip|skip|k5_e6|k3_e3|k5_e1|k3_e3|k5_e6|k5_e3|k5_e1_g2|k5_e6|k3_e6|k5_e1_g2|k5_e3|k3_e1_g2"
    "|k5_e6|k5_e6|k5_e3|k5_e6|k5_e6"
)
FBNET_C = (
    "k3_e1|k3_e6|skip|k3_e1|k3_e1|k5_e6|k5_e3|k5_e6|k3_e6|k5_e6|k5_e3|k5_e6|k5_e6|k5_e6|k5_e6|k5_e6|k5_e3"
    "|k5_e6|k5_e6|k5_e6|k5_e6|k3_e6"
)
ALL_SKIP = "|".join(["skip"] * 22)
STAGES = list(zip((16, 24, 32, 64, 112, 184, 352), (1, 4, 4, 4, 4, 4, 1), strict=True))


def run(architecture, side=224, classes=1000, stem=2, strides=(1, 2, 2, 2, 1, 2, 1)):
    """The whole network, layer by layer, from the canonical string."""
    network, parts = Network(), iter(architecture.split("|"))
    tensor = network.convolution(network.image(side), 16, 3, stem)
    for (outputs, depth), first in zip(STAGES, strides, strict=True):
        for stride in [first] + [1] * (depth - 1):
            match next(parts).split("_"):
                case ["skip"]:
                    if stride != 1 or tensor[0].channels != outputs:
                        tensor = network.convolution(tensor, outputs, 1, stride)
                case [kernel, expansion, *groups]:
                    tensor = network.inverted_residual(
                        tensor, outputs, int(kernel[1]), stride, int(expansion[1]), groups=2 if groups else 1
                    )
    network.classifier(network.convolution(tensor, 1504, 1), classes)
    return network


def drawn(count=150):
    codes = SPACE.sample(count, np.random.default_rng(0))
    codes[:3] = SPACE.parse_many([FBNET_A, FBNET_C, ALL_SKIP])
    return codes


def test_costs_are_those_of_the_network_counted_layer_by_layer():
    codes = drawn()
    statistics = SPACE.statistics(codes)
    for index, architecture in enumerate(SPACE.format(codes)):
        expected = run(architecture).statistics()
        assert {name: statistics[name][index] for name in expected} == expected


def test_the_measured_version_is_counted_too():
    codes = drawn()
    small, large = SPACE.statistics(codes, "cifar100"), SPACE.statistics(codes, "imagenet")
    for index, architecture in enumerate(SPACE.format(codes)):
        network = run(architecture, side=32, classes=100, stem=1, strides=(1, 1, 2, 2, 1, 2, 1))
        expected = network.statistics()
        assert {name: small[name][index] for name in expected} == expected
        assert large["measured_macs_m"][index] == small["measured_macs_m"][index] == expected["macs_m"]
        assert large["measured_activations_m"][index] == expected["activations_m"]


def test_published_networks():
    """Wu et al. 2019, table 3: FBNet-A 4.3 M, 249 M; FBNet-C 375 M, whose released head is wider."""
    statistics = SPACE.statistics(SPACE.parse_many([FBNET_A, FBNET_C]))
    assert statistics["params_m"].tolist() == [4.321464, 4.92228]
    assert statistics["macs_m"] == pytest.approx([249, 375], abs=1.5)
    # The released FBNet-C has 5,572,200 parameters, 480 channels more in the head.
    assert round(1e6 * statistics["params_m"][1]) + 480 * (352 + 2 + 1000) == 5_572_200


def test_a_block_by_hand():
    """Block 6, 32 channels at 28×28: an expanding convolution even at expansion 1; groups halve both 1×1
    convolutions."""
    parts = ALL_SKIP.split("|")
    texts = ["|".join([*parts[:6], choice, *parts[7:]]) for choice in ("skip", "k3_e1", "k3_e1_g2")]
    params = 1e6 * SPACE.statistics(SPACE.parse_many(texts))["params_m"]
    assert np.round(params - params[0]).tolist() == [0, 2 * 32**2 + 9 * 32 + 3 * 64, 32**2 + 9 * 32 + 3 * 64]


@pytest.fixture(scope="module")
def rows(data_dir):
    """The table's lines, as they are."""
    path = data_dir / "fbnet_latency_ms.csv.gz"
    if not path.is_file():
        pytest.skip("fbnet_latency_ms.csv.gz is not in NETWRIGHT_DATA")
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


def test_strings_and_choices_are_the_tables(rows):
    strings = [row["blocks"] for row in rows]
    codes = SPACE.parse_many(strings)
    assert SPACE.format(codes) == strings
    assert all(len(np.unique(column)) == len(CHOICES) for column in codes.T), "each occurs at every place"


def test_latencies_follow_the_small_version(rows):
    """On the FPGA, whose latency is nearly additive; the reason for ``measured_macs_m``."""
    measured = np.argsort(np.argsort([float(row["fpga"]) for row in rows]))
    statistics = SPACE.statistics(SPACE.parse_many(row["blocks"] for row in rows))
    small, large = (
        np.corrcoef(measured, np.argsort(np.argsort(statistics[name])))[0, 1]
        for name in ("measured_macs_m", "macs_m")
    )
    assert small > 0.97 > 0.92 > large


def test_a_skip_may_stand_anywhere_in_its_stage():
    """Within a stage, behind its first block: same function, same costs, another string."""
    parts = FBNET_C.split("|")
    texts = {"|".join([*parts[:6], *order, *parts[9:]]) for order in permutations(["k3_e3", "skip", "k5_e6"])}
    codes = SPACE.parse_many(sorted(texts))
    keys = [SPACE.isomorphism_key(row) for row in codes]
    assert len(texts) == 6
    assert len(set(keys)) == 2, "the order of the others matters"
    for key in set(keys):
        twins = codes[[other == key for other in keys]]
        assert len(twins) == 3
        assert all(len(set(values)) == 1 for values in SPACE.statistics(twins).values())


def test_a_skip_that_changes_the_channels_is_a_layer():
    parts = FBNET_C.split("|")
    one, other = (
        "|".join([*parts[:5], *pair, *parts[7:]]) for pair in (("skip", "k3_e1"), ("k3_e1", "skip"))
    )
    keys = {SPACE.isomorphism_key(SPACE.parse(text)) for text in (one, other)}
    assert len(keys) == 2
    graph = SPACE.graph(SPACE.parse_many([one, other]))
    names = [[SPACE.operations[index] for index in row[6:8]] for row in graph.operations]
    assert names == [["stage2_project", "stage2_k3_e1"], ["stage2_k3_e1", "skip"]]


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        (ALL_SKIP[:-5], 104),
        (ALL_SKIP + "|skip", 109),
        (ALL_SKIP.replace("skip|", "k7_e1|", 1), 0),
        ("skip|" + ALL_SKIP.replace("skip|", "k3_e6_g2|", 1), 5),
        ("skip|" * 1000, 197),
    ],
)
def test_errors_say_where(text, position):
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.parse(text)
    assert caught.value.position == position
