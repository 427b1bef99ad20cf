"""The abstract zero-cost proxy, and what several of them need."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Batch:
    """What the networks are shown.

    Shapes:
        images: (b, channels, h, w) float32
        targets: (b,) int64
    """

    images: Tensor
    targets: Tensor


class Proxy(ABC):
    """A number of an untrained network that goes along with what it will reach.

    A new one is one file in ``encoders/proxies/kinds``, or in a package that you install
    (``docs/extending.md``), and one line of test. Which of them are computed and ship together is said in
    :mod:`encoders.proxies.table`.
    """

    name: ClassVar[str]
    """What requests call it; its module has the same name."""

    @abstractmethod
    def value(self, network: nn.Module, batch: Batch) -> float:
        """The score; minus infinity where the network cannot learn.

        Args:
            network: freshly initialized, in training mode; the score may change its weights.
            batch: images and random targets.
        """


Hook = Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor | None]


@contextmanager
def hooked(
    network: nn.Module, kinds: type[nn.Module] | tuple[type[nn.Module], ...], hook: Hook
) -> Iterator[None]:
    """Calls ``hook(module, inputs, output)`` after every module of a kind; its answer replaces the output."""
    handles = [
        module.register_forward_hook(hook) for module in network.modules() if isinstance(module, kinds)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def weighted(network: nn.Module) -> list[Tensor]:
    """The weights of all convolutions and linear layers."""
    return [module.weight for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def gradients(loss: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """The loss's gradient with respect to each weight; zeros where it does not depend on one."""
    return list(torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True))


def saliency(loss: Tensor, weights: list[Tensor]) -> Tensor:
    r"""How the loss feels each weight, summed: :math:`\sum_\theta |\theta\,\partial L/\partial\theta|`."""
    pairs = zip(weights, gradients(loss, weights), strict=True)
    return torch.stack([(weight * gradient).abs().sum() for weight, gradient in pairs]).sum()


def log(value: Tensor) -> float:
    """Natural logarithm of a sum of magnitudes, which spans many orders; minus infinity for 0."""
    return float(value.detach().double().log())
