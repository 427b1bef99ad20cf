"""The conformance suite of networks: a space whose networks are planned joins with one line.

Example:
    TestMine = conformance("mine")
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from networks.build import build
from networks.plan import plan_network, planned_spaces
from spaces.costs.network_config import SKELETONS, NetworkConfig
from spaces.known import SPACES, get_space
from spaces.space import Codes, Space


def conformance(space_name: str) -> type["NetworkSuite"]:
    """The suite for the networks of a registered space, to be assigned to a name that begins with ``Test``.

    Raises:
        NotRegistered: there is no space of the name, or its module does not load.
    """
    SPACES.get(space_name)
    return type(f"Test_{space_name}_networks", (NetworkSuite,), {"space_name": space_name})


class NetworkSuite:
    """What every network promises; collected by pytest from a subclass whose name starts with Test.

    Networks are built on torch's ``meta`` device: only shapes are computed, so large ones cost nothing.
    """

    space_name: str

    @property
    def space(self) -> Space:
        """The space under test."""
        return get_space(self.space_name)

    def architectures(self, count: int) -> Codes:
        """The space's example, and some architectures (count, v)."""
        drawn = self.space.sample(count - 1, np.random.default_rng(0))
        return np.concatenate([self.space.parse(self.space.example)[None], drawn])

    def configs(self) -> Iterator[NetworkConfig]:
        """The space's own networks, and one with other classes and pixels, in each skeleton."""
        for skeleton in SKELETONS:
            for task in self.space.tasks:
                yield self.space.network_config(task, skeleton=skeleton)
            own = self.space.network_config(skeleton=skeleton)
            side = None if own.resolution is None else 45
            yield self.space.network_config(classes=7, resolution=side, skeleton=skeleton)

    def test_the_space_has_plans(self) -> None:
        assert self.space_name in planned_spaces()

    def test_a_plan_says_the_shapes(self) -> None:
        for row in self.architectures(2):
            for config in self.configs():
                plan = plan_network(self.space_name, row, config)
                with torch.device("meta"):
                    image = torch.empty(1, 3, plan.side, plan.side)
                    for layer, module in zip(
                        plan.layers, build(self.space_name, row, config).children(), strict=True
                    ):
                        image = module(image)
                        assert image.shape[1:] == layer.shape, f"{layer.part}: {layer.call}"
                assert image.shape == (1, plan.classes)

    def test_costs_are_those_that_torch_counts(self) -> None:
        codes = self.architectures(3)
        for config in self.configs():
            costs = self.space.costs(codes, config)
            for index, row in enumerate(codes):
                where = f"{self.space.format(row[None])[0]} with {config.described()}"
                side = plan_network(self.space_name, row, config).side
                with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
                    network = build(self.space_name, row, config).eval()
                    network(torch.empty(1, 3, side, side))
                params = sum(weights.numel() for weights in network.parameters())
                assert params == round(1e6 * costs["params_m"][index]), f"params_m of {where}"
                macs = counter.get_total_flops() / 2
                assert macs == round(1e6 * costs["macs_m"][index]), f"macs_m of {where}"

    def test_images_may_have_other_channels(self) -> None:
        config = self.space.network_config(classes=7, skeleton="small")
        network = build(self.space_name, self.space.example, config, in_channels=1)
        assert network(torch.randn(2, 1, 32, 32)).shape == (2, 7)
