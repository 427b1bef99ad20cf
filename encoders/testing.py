"""The conformance suite of zero-cost proxies: a new one joins with one line.

Example:
    TestMine = conformance("mine")
"""

import math

import numpy as np
import torch
from torch import nn

from encoders.proxies.compute import score_network
from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch
from encoders.proxies.table import ScoreSet
from spaces.known import get_space


def conformance(name: str) -> type["ProxySuite"]:
    """The suite for a registered proxy, to be assigned to a name that begins with ``Test``.

    Raises:
        NotRegistered: there is none of the name, or its module does not load.
    """
    PROXIES.get(name)
    return type(f"Test_{name}", (ProxySuite,), {"name": name})


class ProxySuite:
    """What every proxy promises; collected by pytest from a subclass whose name starts with Test."""

    name: str

    def network(self, channels: int = 8) -> nn.Module:
        """A small network, the same each time."""
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, 10),
        )

    def batch(self) -> Batch:
        """Eight images with targets."""
        generator = torch.Generator().manual_seed(1)
        targets = torch.randint(10, (8,), generator=generator)
        return Batch(torch.randn(8, 3, 16, 16, generator=generator), targets)

    def value(self, network: nn.Module) -> float:
        """The proxy of a network; its own random draws are the same each time."""
        torch.manual_seed(2)
        return PROXIES.get(self.name)().value(network, self.batch())

    def test_it_is_registered_under_its_name(self) -> None:
        assert self.name in PROXIES.names()
        assert PROXIES.get(self.name).name == self.name

    def test_it_is_a_finite_number_and_the_same_each_time(self) -> None:
        value = self.value(self.network())
        assert isinstance(value, float) and math.isfinite(value)
        assert self.value(self.network()) == value

    def test_it_tells_networks_apart(self) -> None:
        assert self.value(self.network(8)) != self.value(self.network(32))

    def test_a_network_that_passes_nothing_on_is_no_error(self) -> None:
        network = self.network()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        assert not math.isnan(self.value(network))

    def test_it_leaves_no_hook_and_no_mode_behind(self) -> None:
        network = self.network()
        self.value(network)
        modules = list(network.modules())
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in modules)
        assert torch.is_grad_enabled()

    def test_it_is_computed_for_an_architecture_by_its_name(self) -> None:
        space = get_space("nasbench201")
        codes = space.sample(2, np.random.default_rng(0))
        wanted = ScoreSet((self.name,), small=True, images=4)
        for row in codes:
            first, again = (score_network(space, row, seed=0, wanted=wanted) for _ in range(2))
            assert first.shape == (1,) and np.array_equal(first, again) and not np.isnan(first).any()
