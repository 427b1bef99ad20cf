"""Networks of nasbench201 against the space's statistics, counted by torch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from networks import NoNetwork, build
from networks.blocks.cell import Cell
from spaces.known import get_space
from spaces.space import InvalidArchitecture

SPACE = get_space("nasbench201")


def counted(codes, classes=10):
    """Parameters and MACs of the built network, as torch counts them."""
    network = build("nasbench201", codes, SPACE.network_config(classes=classes)).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 32, 32))
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2


def test_counts_agree_with_the_statistics():
    codes = SPACE.sample(50, np.random.default_rng(1))
    statistics = SPACE.statistics(codes)
    for row, params_m, macs_m in zip(codes, statistics["params_m"], statistics["macs_m"], strict=True):
        assert counted(row) == (round(params_m * 1e6), round(macs_m * 1e6)), SPACE.format(row[None])


def test_counts_agree_for_100_classes():
    codes = SPACE.parse(SPACE.example)
    statistics = SPACE.statistics(codes[None], "cifar100")
    expected = (round(statistics["params_m"][0] * 1e6), round(statistics["macs_m"][0] * 1e6))
    assert counted(codes, classes=100) == expected


@pytest.mark.parametrize("in_channels,side,classes", [(3, 32, 10), (1, 16, 7), (3, 33, 5)])
def test_shape(in_channels, side, classes):
    config = SPACE.network_config(classes=classes, resolution=side)
    network = build("nasbench201", SPACE.example, config, in_channels=in_channels)
    assert network(torch.randn(2, in_channels, side, side)).shape == (2, classes)


def test_rows_of_a_batch_do_not_mix():
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, 32, 32, generator=generator)
    changed = images.clone()
    changed[1:] = torch.randn(2, 3, 32, 32, generator=generator)
    for codes in SPACE.sample(20, np.random.default_rng(2)):
        network = build("nasbench201", codes)
        network(images)  # one step in training mode gives the batch norms statistics of their own
        network.eval()
        with torch.no_grad():
            torch.testing.assert_close(network(images)[0], network(changed)[0])


def test_the_output_depends_on_the_image_where_a_path_is_live():
    codes = SPACE.sample(30, np.random.default_rng(3))
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    for row, operations in zip(codes, SPACE.graph(codes).operations, strict=True):
        # In double precision and with each batch's own statistics: a signal that fifteen cells of pooling
        # weaken is still there, where float32 under fresh running statistics rounds it away now and then.
        network = build("nasbench201", row).double()
        with torch.no_grad():
            network(images)
            first, second = network.eval()(images)
        live = operations != SPACE.operations.index("none")
        reached = {0}
        for node in range(1, 8):
            if live[node] and any(SPACE.skeleton[source, node] for source in reached):
                reached.add(node)
        assert bool((first != second).any()) == (7 in reached)


def test_pooling_keeps_a_constant_image():
    """The mean over a border pixel's window leaves the padding out."""
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    cell = Cell({(0, 3): pool})
    assert torch.equal(cell(torch.ones(1, 2, 8, 8)), torch.ones(1, 2, 8, 8))


def test_a_bad_architecture_and_a_space_without_networks():
    with pytest.raises(InvalidArchitecture):
        build("nasbench201", "|none~0|")
    with pytest.raises(InvalidArchitecture):
        build("nasbench201", np.full(6, 9, dtype=np.int8))
    with pytest.raises(NoNetwork):
        build("gnn", "0|1|1|2:gcn|gat|skip|sage")
    with pytest.raises(KeyError):
        build("nothing", "x")


def test_cells_with_one_isomorphism_key_compute_the_same():
    """Twins by the paper's key, with the weights of equal operations tied, agree on every image."""
    cells = (
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
        "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
    )
    assert len({SPACE.isomorphism_key(SPACE.parse(cell)) for cell in cells}) == 1
    single, twin = (build("nasbench201", cell) for cell in cells)
    assert [p.shape for p in single.parameters()] == [p.shape for p in twin.parameters()]
    with torch.no_grad():
        for target, source in zip(twin.parameters(), single.parameters(), strict=True):
            target.copy_(source)
        images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(single.eval()(images), twin.eval()(images))
