"""A training-free score, how a new one becomes known, and what all of them need."""

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from encoders import proxies


@dataclass(frozen=True, slots=True)
class Batch:
    """What the networks are shown.

    Shapes:
        images: (b, channels, h, w) float32
        targets: (b,) int64
    """

    images: Tensor
    targets: Tensor


class Score(ABC):
    """A number of an untrained network that goes along with what it will reach.

    A new score is one file in this package: subclass and decorate with :func:`register`. Which scores are
    computed and ship together is said in :mod:`encoders.proxies.table`.
    """

    name: str

    @abstractmethod
    def value(self, network: nn.Module, batch: Batch) -> float:
        """The score; minus infinity where the network cannot learn.

        Args:
            network: freshly initialized, in training mode; the score may change its weights.
            batch: images and random targets.
        """


SCORES: dict[str, Score] = {}


def register(cls: type[Score]) -> type[Score]:
    """Class decorator: makes a score known by its name."""
    SCORES[cls.name] = cls()
    return cls


@cache
def all_scores() -> dict[str, Score]:
    """Every score by its name."""
    for module in pkgutil.iter_modules(proxies.__path__, "encoders.proxies."):
        importlib.import_module(module.name)
    return dict(sorted(SCORES.items()))


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
