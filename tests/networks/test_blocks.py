"""Layers that networks are made of, by what they compute."""

import pytest
import torch
from torch import nn

from networks.blocks.cell import Cell
from networks.blocks.grouped import ChannelShuffle, GroupedResidual
from networks.blocks.mobile import ConvNorm, InvertedResidual, SqueezeExcite


def silenced(layer):
    """A residual layer whose body gives zero: its last batch norm scales by nothing."""
    nn.init.zeros_(layer.body[-1][1].weight)
    return layer.eval()


@pytest.mark.parametrize(
    "layer,adds",
    [
        (InvertedResidual(8, 8, 3, 1, 4), True),
        (InvertedResidual(8, 8, 3, 2, 4), False),
        (InvertedResidual(8, 10, 3, 1, 4), False),
        (InvertedResidual(8, 8, 5, 1, 1, expand=False, scale=SqueezeExcite(8, 2)), True),
        (GroupedResidual(8, 8, 3, 1, groups=2), True),
        (GroupedResidual(8, 8, 3, 2, groups=2), False),
    ],
)
def test_the_input_is_added_where_side_and_channels_stay(layer, adds):
    image = torch.randn(2, 8, 6, 6)
    made = silenced(layer)(image)
    assert torch.equal(made, image) if adds else not made.any()


def test_channels_are_shuffled_as_torch_does():
    image = torch.randn(2, 12, 3, 5)
    for groups in (2, 3):
        assert torch.equal(ChannelShuffle(groups)(image), nn.functional.channel_shuffle(image, groups))


def test_squeeze_excite_scales_each_channel_by_its_gate():
    layer = SqueezeExcite(6, 2)
    nn.init.zeros_(layer.gate[3].weight)
    layer.gate[3].bias.data = torch.tensor([-100.0, 0.0, 100.0, 0.0, 0.0, 100.0])
    image = torch.randn(2, 6, 4, 4)
    gates = torch.tensor([0.0, 0.5, 1.0, 0.5, 0.5, 1.0])
    torch.testing.assert_close(layer(image), image * gates[:, None, None])


@pytest.mark.parametrize("side,stride,made", [(8, 1, 8), (8, 2, 4), (7, 2, 4), (33, 2, 17)])
def test_only_the_stride_makes_an_image_smaller(side, stride, made):
    for kernel in (1, 3, 5, 7):
        assert ConvNorm(3, 4, kernel, stride)(torch.zeros(1, 3, side, side)).shape == (1, 4, made, made)


def test_a_cells_node_is_the_sum_of_what_its_edges_bring():
    image = torch.randn(1, 2, 4, 4)
    assert not Cell({})(image).any()
    assert torch.equal(Cell({(0, 3): nn.Identity()})(image), image)
    every = {(s, t): nn.Identity() for t in (1, 2, 3) for s in range(t)}
    torch.testing.assert_close(Cell(every)(image), 4 * image)
    assert not Cell({(1, 2): nn.Identity(), (2, 3): nn.Identity()})(image).any(), "node 1 has no input"
