"""Networks that begin with a backbone's weights: the whole equals the packaged one, others its parts."""

import importlib.metadata

import numpy as np
import pytest
import torch

from experiments.deploy.costs import by_space
from networks import build
from networks.build import assemble
from networks.export.onnx_counts import onnx_counts
from networks.export.onnx_file import onnx_file
from networks.plan import plan_network
from networks.pretrained import inherit
from networks.pretrained.efficientnet_lite import PackagedLite, load, packaged_file
from networks.pretrained.importance import channel_importance, ordered
from networks.pretrained.inherit import NotPretrained, backbone_state, pretrained
from networks.pretrained.packaged_file import BackboneUnavailable
from networks.supernet.slices import cropped, matched, sliced
from spaces.families.efficientnet_lite import LITE0, LITE1, LITE2, RESOLUTIONS, LiteSpace
from spaces.known import add_space, forget_space, get_space

NAME = "efficientnet_lite"
SPACE = get_space(NAME)


@pytest.mark.parametrize("side", RESOLUTIONS)
def test_the_whole_backbone_answers_as_the_packaged_one(side):
    """In double precision, so that the order in which channels are added does not matter."""
    images = torch.randn(1, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(side))
    ours, packaged = pretrained(NAME, SPACE.whole(side)).eval().double(), PackagedLite().eval()
    packaged.load_state_dict(load().state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours(images), packaged.double()(images), rtol=0, atol=1e-5)
    assert images.shape[-1] == plan_network(NAME, SPACE.parse(SPACE.whole(side))).side


def test_in_single_precision_the_whole_backbone_answers_alike():
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = load()(images)
        found = pretrained(NAME, SPACE.whole(96)).eval()(images)
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("backbone", [LITE1, LITE2])
def test_larger_backbones_are_of_the_same_class(backbone, monkeypatch):
    """With weights of the packaged form; the packages themselves are optional."""
    members = {"name": backbone.name, "backbone": backbone, "example": "", "title": "", "description": ""}
    space = add_space(type("OfBackbone", (LiteSpace,), members)())
    torch.manual_seed(0)
    packaged = PackagedLite(backbone).eval()
    for norm in (module for module in packaged.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias)
        torch.nn.init.normal_(norm.running_mean, std=0.1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    monkeypatch.setattr(inherit, "load", lambda space_name: packaged)
    backbone_state.cache_clear()
    try:
        made = pretrained(backbone.name, space.whole(64)).eval().double()
    finally:
        backbone_state.cache_clear()
        forget_space(backbone.name)
    images = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(made(images), packaged.double()(images), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backbone", [LITE0, LITE1, LITE2])
def test_a_package_that_is_absent_is_named(backbone, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    name, version = backbone.package
    with pytest.raises(BackboneUnavailable, match=f"pip install {name}=={version}"):
        packaged_file(backbone).read()


def masked_answers(codes, images):
    """What the whole backbone answers with everything zero or passed by that a member has not."""
    large = plan_network(NAME, SPACE.parse(SPACE.whole(224)))
    small = plan_network(NAME, codes)
    network = pretrained(NAME, SPACE.whole(small.side)).eval().double()
    match = matched(small, large)
    for layer, index in zip(small.layers, match, strict=True):
        if layer.part.startswith("stage") and layer.part != "stage0":
            block = network[index]
            kept = int(layer.call.args[0]) * int(layer.call.kwargs["expansion"])
            block.project.conv.weight.data[:, kept:] = 0
            rim = (block.depthwise.conv.weight.shape[-1] - int(layer.call.kwargs["kernel"])) // 2
            if rim:
                inner = torch.zeros_like(block.depthwise.conv.weight)
                inner[..., rim:-rim, rim:-rim] = 1
                block.depthwise.conv.weight.data *= inner
    for index in set(range(len(network))) - set(match):
        assert network[index].adds
        network[index] = torch.nn.Identity()
    with torch.no_grad():
        return network(images)


@pytest.mark.parametrize("seed", range(8))
def test_a_member_is_the_backbone_without_what_it_leaves_out(seed):
    codes = SPACE.sample(1, np.random.default_rng(seed))[0]
    codes[0] = seed % 5  # small images
    made = pretrained(NAME, SPACE.format(codes[None])[0]).eval().double()
    side = RESOLUTIONS[codes[0]]
    images = torch.randn(2, 3, side, side, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(made(images), masked_answers(codes, images), rtol=1e-9, atol=1e-9)


def test_a_members_channels_are_the_most_important_ones():
    state = backbone_state(NAME)
    large = plan_network(NAME, SPACE.parse(SPACE.whole(224)))
    for index, layer in enumerate(large.layers):
        if layer.part.startswith("stage") and layer.part != "stage0":
            prefix = f"{index}."
            block = {name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)}
            importance = channel_importance(block)
            assert torch.all(importance[:-1] >= importance[1:])
            assert importance[: len(importance) // 2].sum() > 0.6 * importance.sum()


def test_importance_is_what_a_channel_adds_to_the_output():
    """Against samples: the output's change when one channel's input varies as its batch norm says."""
    torch.manual_seed(0)
    block = build(NAME, SPACE.example)[2].eval()
    state = {name: value.clone() for name, value in block.state_dict().items()}
    state["depthwise.norm.weight"].uniform_(-2, 2)
    state["depthwise.norm.bias"].normal_(2, 3)
    state["project.norm.running_var"].uniform_(0.1, 3)
    state["project.norm.weight"].uniform_(0.5, 2)
    drawn = torch.randn(100_000, len(state["depthwise.norm.bias"]))
    signal = (drawn * state["depthwise.norm.weight"] + state["depthwise.norm.bias"]).clamp(0, 6)
    scale = state["project.norm.weight"] / (state["project.norm.running_var"] + 1e-3).sqrt()
    columns = state["project.conv.weight"][:, :, 0, 0] * scale[:, None]
    expected = torch.stack(
        [(columns[:, c] * signal[:, c : c + 1]).var(dim=0).sum().sqrt() for c in range(20)]
    )
    found = channel_importance(state)[:20]
    torch.testing.assert_close(found.float(), expected, rtol=0.03, atol=3e-3)
    again = {name: value.clone() for name, value in ordered(state).items()}
    falling = channel_importance(state).sort(descending=True).values
    torch.testing.assert_close(channel_importance(again), falling)


def test_other_classes_get_a_new_classifier_and_keep_the_rest():
    network = SPACE.network_config(classes=5)
    torch.manual_seed(1)
    first = pretrained(NAME, SPACE.example, network)
    torch.manual_seed(2)
    second = pretrained(NAME, SPACE.example, network)
    assert first[-1].out_features == 5
    assert not torch.equal(first[-1].weight, second[-1].weight)
    whole = pretrained(NAME, SPACE.example).state_dict()
    for name, value in first.state_dict().items():
        if not name.startswith(f"{len(first) - 1}."):
            assert torch.equal(value, second.state_dict()[name]) and torch.equal(value, whole[name])


def test_a_network_changes_no_weight_of_another():
    before = {name: value.clone() for name, value in backbone_state(NAME).items()}
    with torch.no_grad():
        for parameter in pretrained(NAME, SPACE.whole(64)).parameters():
            parameter.zero_()
    assert all(torch.equal(value, backbone_state(NAME)[name]) for name, value in before.items())


def test_what_has_no_backbone_is_refused():
    with pytest.raises(NotPretrained, match="mnasnet has no pretrained backbone"):
        pretrained("mnasnet", get_space("mnasnet").example)
    with pytest.raises(NotPretrained, match="small skeleton"):
        pretrained(NAME, SPACE.example, SPACE.network_config(skeleton="small"))


@pytest.mark.parametrize("name", ["mnasnet", "ofa_mobilenetv3", "efficientnet_lite"])
def test_slices_are_of_any_space_whose_parts_are_alike(name):
    """A network that is sliced from one as large is that network; one part of a kernel is its center."""
    space = get_space(name)
    network = assemble(plan := plan_network(name, space.parse(space.example)))
    state = sliced(network.state_dict(), network, matched(plan, plan))
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    with pytest.raises(ValueError, match="no part"):
        cropped(torch.zeros(3, 3), (4, 3))


def test_a_larger_network_has_no_part_of_a_smaller_one():
    small, large = (plan_network(NAME, SPACE.parse(text)) for text in (SPACE.example, SPACE.whole(96)))
    assert len(matched(small, large)) == len(small.layers)
    with pytest.raises(ValueError, match="has no layer 2 of stage3"):
        matched(large, small)


@pytest.mark.parametrize("seed", range(3))
def test_onnx_runtime_answers_like_torch_at_sides_with_odd_and_even_halves(seed):
    codes = SPACE.sample(1, np.random.default_rng(seed))[0]
    codes[0] = seed  # 64, 80, 96: the last stage but one gets 4, 5 and 6 pixels
    data = onnx_file(NAME, codes, SPACE.network_config(classes=5))  # refuses to differ by more than 1e-4
    assert onnx_counts(data) == by_space(SPACE, codes, SPACE.network_config(classes=5))
