"""Where a training starts: new weights, those of a search, or pretrained ones. Torch is loaded by a call."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from spaces.costs.network_config import FULL
from spaces.image_space import ImageSpace
from spaces.known import get_space

if TYPE_CHECKING:
    from torch import nn

    from networks.images.dataset import ImageSet

SCRATCH, SEARCH, PRETRAINED = "scratch", "search", "pretrained"
STARTS = (SCRATCH, SEARCH, PRETRAINED)


class WrongStart(ValueError):
    """Weights that are not of the network to be trained; never worth a retry."""


def starts_of(space_name: str) -> tuple[str, ...]:
    """Where a training of a space's networks can start.

    >>> starts_of("mnasnet"), starts_of("efficientnet_lite")
    (('scratch', 'search'), ('scratch', 'search', 'pretrained'))
    """
    space = get_space(space_name)
    return STARTS if isinstance(space, ImageSpace) and space.pretrains else (SCRATCH, SEARCH)


def usual_start(space_name: str, skeleton: str = FULL) -> str:
    """Where a training starts unless something else is said: from pretrained weights where there are some.

    >>> usual_start("mnasnet"), usual_start("efficientnet_lite"), usual_start("efficientnet_lite", "small")
    ('scratch', 'pretrained', 'scratch')
    """
    return PRETRAINED if PRETRAINED in starts_of(space_name) and skeleton == FULL else SCRATCH


def started(
    identity: Mapping[str, Any],
    start: str,
    weights: bytes | None,
    images: "ImageSet",
    should_stop: Callable[[], bool] = lambda: False,
) -> "nn.Module":
    """The network with the weights to start from; new ones come from torch's global generator.

    Args:
        identity: of :func:`networks.training.rebuild.identity_of`.
        start: one of :data:`STARTS`.
        weights: of an earlier training, for ``search``.
        images: that it will be trained on; batch norms of pretrained weights are recalibrated on them.
        should_stop: asked before each batch of that.

    Raises:
        WrongStart: the weights are of another network.
        TrainingStopped: ``should_stop`` said so.
    """
    from networks.training.begin import inherited
    from networks.training.checkpoint import read_weights
    from networks.training.rebuild import untrained

    if start == PRETRAINED:
        return inherited(identity, images, should_stop)
    network = untrained(identity)
    if start == SEARCH and weights is not None:
        about, tensors = read_weights(weights)
        for name in ("space", "architecture", "classes"):
            if about.get(name) != identity[name]:
                raise WrongStart(f"the weights are of another training: its {name} differs")
        network.load_state_dict(tensors)
    return network
