"""Known answers of ofa_mobilenetv3: published counts, a network counted layer by layer, thin validity."""

import numpy as np
import pytest

from spaces.costs.layer_cost import Cost, classifier, convolution
from spaces.families.ofa_mobilenetv3 import squeezed
from spaces.known import get_space
from spaces.space import InvalidArchitecture
from tests.spaces.reference_network import Network

SPACE = get_space("ofa_mobilenetv3")
LARGEST = SPACE.from_settings([7] * 20, [6] * 20, [4] * 5, 224)
SMALLEST = SPACE.from_settings([3] * 20, [3] * 20, [2] * 5, 128)


def run(codes):
    """The whole network, layer by layer, from the object of variables."""
    chosen = SPACE.to_variables(codes)
    network = Network()
    tensor = network.convolution(network.image(chosen["resolution"]), 16, 3, 2)
    tensor = network.inverted_residual(tensor, 16, 3, 1, 1, expands=False)
    for stage, (outputs, first, excited) in enumerate(
        zip((24, 40, 80, 112, 160), (2, 2, 2, 1, 2), (False, True, False, True, True), strict=True)
    ):
        for layer in range(4):
            choice = chosen[f"stage{stage}_layer{layer}"]
            if choice == "skip":
                continue
            kernel, expansion = int(choice[1]), int(choice[4])
            inner = tensor[0].channels * expansion
            tensor = network.inverted_residual(
                tensor, outputs, kernel, 1 if layer else first, expansion,
                squeezed=squeezed(inner) if excited else 0,
            )  # fmt: skip
    tensor = network.convolution(tensor, 960, 1)
    mean = network.classifier(tensor, 1280)  # a linear layer like any other, but for the bias
    network.params -= 1280
    network.classifier(mean, 1000)
    return network


def test_costs_are_those_of_the_network_counted_layer_by_layer():
    codes = np.concatenate([[LARGEST, SMALLEST], SPACE.sample(200, np.random.default_rng(0))])
    statistics = SPACE.statistics(codes)
    assert len(np.unique(codes[:, 0])) == 25, "every resolution, those with odd sides among them"
    for index, row in enumerate(codes):
        assert {name: values[index] for name, values in statistics.items()} == run(row).statistics()


def test_the_number_of_networks_is_the_papers():
    """Cai et al. 2020, section 3: ((3 × 3)² + (3 × 3)³ + (3 × 3)⁴)⁵ ≈ 2 × 10¹⁹, at each of 25 resolutions."""
    assert SPACE.size == 25 * ((3 * 3) ** 2 + (3 * 3) ** 3 + (3 * 3) ** 4) ** 5
    assert f"{SPACE.size / 25:.0e}" == "2e+19"


# Of the authors' released networks, as MMRazor gives them (github.com/open-mmlab/mmrazor, onceforall/README).
NOTE8_LAT31 = SPACE.from_settings(
    [5, 3, 3, 3, 5, 5, 3, 3, 3, 3, 5, 3, 3, 5, 7, 3, 3, 3, 5, 5],
    [3, 3, 3, 3, 4, 3, 3, 3, 4, 4, 4, 4, 4, 3, 4, 3, 6, 3, 3, 3],
    [2, 2, 3, 3, 4],
    152,
)
NOTE8_LAT22 = SPACE.from_settings(
    [3, 3, 3, 3, 5, 5, 3, 3, 7, 3, 3, 3, 5, 3, 3, 3, 3, 7, 3, 3],
    [3, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, 3, 3, 4, 3, 3, 6, 6, 3, 6],
    [2, 2, 2, 2, 2],
    140,
)


@pytest.mark.parametrize("codes,params_m,flops_m", [(NOTE8_LAT31, 4.6, 105.4), (NOTE8_LAT22, 4.3, 70.9)])
def test_parameters_of_released_networks(codes, params_m, flops_m):
    """The published operations count batch norms, activations and poolings too, some twentieth of all."""
    statistics = SPACE.statistics(codes[None])
    assert round(float(statistics["params_m"][0]), 1) == params_m
    assert 0.9 < statistics["macs_m"][0] / flops_m < 1


def test_the_same_rules_count_mobilenetv3_large():
    """Howard et al. 2019, Table 1: 5.4 M parameters and 219 M multiply-adds."""
    rows = [  # kernel, expanded, channels, squeeze-excite, stride
        (3, 16, 16, 0, 1), (3, 64, 24, 0, 2), (3, 72, 24, 0, 1), (5, 72, 40, 1, 2), (5, 120, 40, 1, 1),
        (5, 120, 40, 1, 1), (3, 240, 80, 0, 2), (3, 200, 80, 0, 1), (3, 184, 80, 0, 1), (3, 184, 80, 0, 1),
        (3, 480, 112, 1, 1), (3, 672, 112, 1, 1), (5, 672, 160, 1, 2), (5, 960, 160, 1, 1),
        (5, 960, 160, 1, 1),
    ]  # fmt: skip
    parts, inputs, side = [convolution(3, 16, 3, 2, 224)], 16, 112
    for kernel, expanded, channels, excited, stride in rows:
        if expanded != inputs:
            parts.append(convolution(inputs, expanded, 1, 1, side))
        parts.append(convolution(expanded, expanded, kernel, stride, side, expanded))
        side //= stride
        if excited:
            short = squeezed(expanded)
            parts.append(Cost(2 * expanded * short + expanded + short, 2 * expanded * short))
        parts.append(convolution(expanded, channels, 1, 1, side))
        inputs = channels
    total = Cost.total(
        [*parts, convolution(160, 960, 1, 1, side), classifier(960, 1, 1280), classifier(1280, 1, 1000)]
    )
    assert total.params == 5_483_032
    assert 215e6 < total.macs < 220e6


def test_architectures_are_drawn_uniformly():
    """Shares of the depths and of choices among all architectures, within five standard errors."""
    codes = SPACE.sample(20_000, np.random.default_rng(0))
    depths = (codes[:, 1:].reshape(-1, 5, 4) != 9).sum(axis=2)
    for depth in (2, 3, 4):
        share = 9**depth / (9**2 + 9**3 + 9**4)
        error = np.sqrt(share * (1 - share) / len(codes))
        assert np.all(np.abs((depths == depth).mean(axis=0) - share) < 5 * error)
    for choice in range(9):
        assert np.all(np.abs((codes[:, 1:3] == choice).mean(axis=0) - 1 / 9) < 5 * np.sqrt(8 / 81 / 20_000))
    assert np.all(np.abs(np.bincount(codes[:, 0]) / 20_000 - 1 / 25) < 5 * np.sqrt(24 / 625 / 20_000))


def test_a_layer_behind_a_skip_is_refused():
    text = SPACE.format(LARGEST[None])[0].split("|")
    text[3] = "skip"
    with pytest.raises(InvalidArchitecture, match="fourth layer"):
        SPACE.parse("|".join(text))
    codes = LARGEST.copy()
    codes[3] = 9
    assert "fourth layer" in SPACE.reason(codes)
    _, valid = SPACE.from_slots(np.stack([LARGEST, codes]))
    assert valid.tolist() == [True, False]


def test_neighbours_grow_and_shrink_a_stage_by_one():
    near = SPACE.neighbours(SMALLEST)
    grown = (near[:, 1:] != 9).sum(axis=1) - 10
    assert np.bincount(grown).tolist() == [24 + 10 * 8, 5 * 9]
    near = SPACE.neighbours(LARGEST)
    assert ((near[:, 1:] == 9).sum(axis=1) == 1).sum() == 5


@pytest.mark.parametrize(
    ("text", "hint"),
    [("r224", "for example"), ("r130|" + "k3_e3|" * 19 + "k3_e3", "128 to 224"), ("", "128 to 224")],
)
def test_errors_say_what_is_right(text, hint):
    with pytest.raises(InvalidArchitecture) as caught:
        SPACE.parse(text)
    assert hint in caught.value.hint


def test_settings_are_the_authors_way_of_writing():
    assert SPACE.format(SMALLEST[None])[0] == "r128" + "|k3_e3|k3_e3|skip|skip" * 5
    for bad in (([4] * 20, [3] * 20, [2] * 5), ([3] * 20, [3] * 19, [2] * 5), ([3] * 20, [3] * 20, [1] * 5)):
        with pytest.raises(InvalidArchitecture):
            SPACE.from_settings(*bad, 224)
