"""The spaces inside EfficientNet-Lite: published numbers, networks counted layer by layer, validity."""

import numpy as np
import pytest

from spaces.families.efficientnet_lite import LITE0, LITE1, LITE2, RESOLUTIONS, LiteSpace, places
from spaces.known import SPACES, get_space
from spaces.registry import NotRegistered, Registry
from spaces.space import InvalidArchitecture
from tests.spaces.reference_network import Network

SPACE = get_space("efficientnet_lite")


def of(backbone):
    """The space of a backbone, whether or not its package is installed."""
    members = {"name": backbone.name, "backbone": backbone, "example": "", "title": "", "description": ""}
    return type("OfBackbone", (LiteSpace,), members)()


OF_ALL = [of(backbone) for backbone in (LITE0, LITE1, LITE2)]


def run(space, codes, classes, side=None):
    """The whole network, layer by layer, from the object of variables."""
    chosen = space.to_variables(codes)
    network = Network()
    tensor = network.convolution(network.image(side or chosen["resolution"]), 32, 3, 2)
    tensor = network.inverted_residual(tensor, 16, 3, 1, 1, expands=False)
    strides = (1, 2, 2, 2, 1, 2, 1)
    for stage in range(1, 7):
        for layer in range(space.backbone.layers[stage]):
            choice = chosen[f"stage{stage}_layer{layer}"]
            if choice == "skip":
                continue
            kernel, expansion = int(choice[1]), int(choice[4])
            stride = 1 if layer else strides[stage]
            outputs = space.backbone.channels[stage]
            tensor = network.inverted_residual(tensor, outputs, kernel, stride, expansion)
    network.classifier(network.convolution(tensor, 1280, 1), classes)
    return network


@pytest.mark.parametrize("space", OF_ALL)
def test_costs_are_those_of_the_network_counted_layer_by_layer(space):
    codes = np.concatenate([[space.parse(space.whole(224))], space.sample(100, np.random.default_rng(0))])
    for classes, side in ((1000, None), (5, None), (7, 61)):
        costs = space.costs(codes, space.network_config(classes=classes, resolution=side))
        for index, row in enumerate(codes):
            expected = run(space, row, classes, side).statistics()
            assert {key: values[index] for key, values in costs.items()} == expected


@pytest.mark.parametrize("space,params_m", list(zip(OF_ALL, (4.7, 5.4, 6.1), strict=True)))
def test_the_largest_member_has_the_parameters_that_are_published(space, params_m):
    """github.com/tensorflow/tpu, models/official/efficientnet/lite/README."""
    whole = space.parse_many([space.whole(side) for side in RESOLUTIONS])
    assert {round(value, 1) for value in space.costs(whole, space.network_config())["params_m"]} == {params_m}
    largest = {
        key: values.max()
        for key, values in space.statistics(space.sample(500, np.random.default_rng(0))).items()
    }
    at_224 = space.statistics(whole[-1:])
    assert all(at_224[key][0] >= value for key, value in largest.items())


def test_the_members_are_as_many_as_the_rule_leaves():
    """Stages of one kernel and of two, by their number of layers: Σ (kernels · 4)^depth."""
    stages = (4 + 4**2) * (8 + 8**2) * (4 + 4**2 + 4**3) * (8 + 8**2 + 8**3) * (8 + 8**2 + 8**3 + 8**4) * 4
    assert SPACE.size == 11 * stages


def test_a_layer_stands_only_behind_the_layer_before_it():
    parts = SPACE.whole(224).split("|")
    assert SPACE.parse("|".join([*parts[:7], "skip", *parts[8:]])) is not None  # the third of three
    with pytest.raises(InvalidArchitecture, match="behind the layer before"):
        SPACE.parse("|".join([*parts[:6], "skip", *parts[7:]]))
    for wrong in ("r70", "r240", "r32"):
        with pytest.raises(InvalidArchitecture, match="no choice of resolution"):
            SPACE.parse("|".join([wrong, *parts[1:-1], "k3_e2"]))
    with pytest.raises(InvalidArchitecture, match="no choice of stage1_layer0"):
        SPACE.parse("|".join([parts[0], "skip", *parts[2:]]))


@pytest.mark.parametrize("space", OF_ALL)
def test_every_choice_is_within_the_backbone(space):
    for place, block in zip(places(space.backbone)[1:], space.blocks[1:], strict=True):
        kernels = {int(choice[1]) for choice in block.spellings if choice != "skip"}
        assert max(kernels) == place.kernel and min(kernels) == 3
        assert ("skip" in block.spellings) == (place.layer > 0)


def test_a_space_whose_package_is_absent_says_what_to_install():
    registry = Registry(
        "space", "spaces.space:Space", folder="spaces.families", group="none", needs={"fbnet": "no-such==1"}
    )
    assert "fbnet" not in registry.names() and "mnasnet" in registry.names()
    with pytest.raises(NotRegistered, match="pip install no-such==1"):
        registry.get("fbnet")
    registry.register(type(get_space("fbnet")))  # its module was imported by its own name
    assert "fbnet" not in registry.names()
    with pytest.raises(NotRegistered, match="pip install no-such==1"):
        registry.get("fbnet")


def test_a_space_whose_package_is_installed_is_there():
    registry = Registry(
        "space", "spaces.space:Space", folder="spaces.families", group="none", needs={"fbnet": "numpy"}
    )
    assert {"fbnet", "efficientnet_lite1"} <= registry.built_in()
    assert SPACES.needs.keys() == {"efficientnet_lite1", "efficientnet_lite2"}
