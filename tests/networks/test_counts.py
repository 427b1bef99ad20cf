"""Networks against their spaces' exact statistics, as torch counts them."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from networks import build
from networks.plan import plan_network, planned_spaces
from spaces.costs.network_config import SKELETONS
from spaces.known import get_space

MNASNET_ENDS = ("|".join(["e1_k3_l1"] * 7), "|".join([*["e6_k5_l3_se"] * 5, "e6_k5_l4_se", "e6_k5_l3_se"]))
FBNET_ENDS = ("|".join(["skip"] * 22), "|".join(["k5_e6"] * 22), "|".join(["k5_e1_g2"] * 22))
OFA_ENDS = ("r224" + "|k7_e6" * 20, "r128" + "|k3_e3|k3_e3|skip|skip" * 5, "r132" + "|k5_e4" * 20)
VERSIONS = [
    ("mnasnet", "imagenet", MNASNET_ENDS, 30),
    ("fbnet", "imagenet", FBNET_ENDS, 30),
    ("fbnet", "cifar100", FBNET_ENDS, 10),
    ("ofa_mobilenetv3", "imagenet", OFA_ENDS, 30),
]
RUN = 6
"""Networks that are also run; the others are only built."""


def some(space_name, count, seed=0):
    return get_space(space_name).sample(count, np.random.default_rng(seed))


@pytest.mark.parametrize("space_name,task,ends,count", VERSIONS)
def test_parameters_and_macs_are_the_statistics(space_name, task, ends, count):
    """On tensors without data: only their shapes matter, so 224×224 pixels cost nothing."""
    space = get_space(space_name)
    codes = np.concatenate([space.parse_many(ends), some(space_name, count)])
    statistics = space.statistics(codes, task)
    for index, (row, params_m, macs_m) in enumerate(
        zip(codes, statistics["params_m"], statistics["macs_m"], strict=True)
    ):
        config = space.network_config(task)
        plan = plan_network(space_name, row, config)
        with torch.device("meta"):
            network = build(space_name, row, config).eval()
        assert sum(p.numel() for p in network.parameters()) == round(params_m * 1e6), space.format(row[None])
        if index < RUN:
            with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
                network(torch.empty(1, 3, plan.side, plan.side))
            assert counter.get_total_flops() == 2 * round(macs_m * 1e6), space.format(row[None])


def every(space_name):
    space = get_space(space_name)
    return [space.network_config(task, skeleton=name) for task in space.tasks for name in SKELETONS]


@pytest.mark.parametrize("space_name", planned_spaces())
def test_a_plan_says_the_shapes(space_name):
    for row in some(space_name, 2):
        for config in every(space_name):
            plan = plan_network(space_name, row, config)
            with torch.device("meta"):
                image = torch.empty(1, 3, plan.side, plan.side)
                network = build(space_name, row, config)
                for layer, module in zip(plan.layers, network, strict=True):
                    image = module(image)
                    assert image.shape[1:] == layer.shape
            assert image.shape == (1, plan.classes)


@pytest.mark.parametrize("space_name", planned_spaces())
def test_other_channels_and_classes(space_name):
    space = get_space(space_name)
    network = build(
        space_name, space.example, space.network_config(classes=7, skeleton="small"), in_channels=1
    )
    assert network(torch.randn(2, 1, 32, 32)).shape == (2, 7)
