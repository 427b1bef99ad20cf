"""Where a training starts: new weights, those of a search, or pretrained ones. Torch is loaded by a call."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

SCRATCH, SEARCH, PRETRAINED = "scratch", "search", "pretrained"
STARTS = (SCRATCH, SEARCH, PRETRAINED)

Pretrained = Callable[[Mapping[str, Any]], "nn.Module"]
_PRETRAINED: dict[str, Pretrained] = {}


class WrongStart(ValueError):
    """Weights that are not of the network to be trained; never worth a retry."""


def pretrained(space_name: str) -> Callable[[Pretrained], Pretrained]:
    """Decorator: makes a function known that gives a space's networks with pretrained weights.

    It is given what :func:`networks.training.rebuild.identity_of` says, and returns the network.
    """

    def known(function: Pretrained) -> Pretrained:
        _PRETRAINED[space_name] = function
        return function

    return known


def starts_of(space_name: str) -> tuple[str, ...]:
    """Where a training of a space's networks can start."""
    return STARTS if space_name in _PRETRAINED else (SCRATCH, SEARCH)


def started(identity: Mapping[str, Any], start: str, weights: bytes | None) -> "nn.Module":
    """The network with the weights to start from; new ones come from torch's global generator.

    Args:
        identity: of :func:`networks.training.rebuild.identity_of`.
        start: one of :data:`STARTS`.
        weights: of an earlier training, for ``search``.

    Raises:
        WrongStart: the weights are of another network.
    """
    if start == PRETRAINED:
        return _PRETRAINED[identity["space"]](identity)
    from networks.training.checkpoint import read_weights
    from networks.training.rebuild import untrained

    network = untrained(identity)
    if start == SEARCH and weights is not None:
        about, tensors = read_weights(weights)
        for name in ("space", "architecture", "classes"):
            if about.get(name) != identity[name]:
                raise WrongStart(f"the weights are of another training: its {name} differs")
        network.load_state_dict(tensors)
    return network
