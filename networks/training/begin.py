"""The network that a training begins with: new weights, or a backbone's, by what its identity says."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from networks.images.dataset import ImageSet
from networks.pretrained.inherit import pretrained
from networks.training.rebuild import config_of, untrained
from networks.training.recalibrate import recalibrate
from networks.training.recipe import PRETRAINED
from networks.training.train import TrainingStopped


def begun(
    identity: Mapping[str, Any], images: ImageSet, should_stop: Callable[[], bool] = lambda: False
) -> nn.Module:
    """The network of an identity, in training mode; what is random comes from torch's global generator.

    Args:
        identity: as :func:`networks.training.rebuild.identity_of` says.
        images: that it will be trained on; batch norms of inherited weights are recalibrated on them.
        should_stop: asked before each batch of that.

    Raises:
        NotPretrained: there are no weights to inherit.
        BackboneUnavailable: the package of the weights is not installed.
        TrainingStopped: ``should_stop`` said so.
    """
    if identity["options"].get("init") != PRETRAINED:
        return untrained(identity)
    return inherited(identity, images, should_stop)


def inherited(
    identity: Mapping[str, Any], images: ImageSet, should_stop: Callable[[], bool] = lambda: False
) -> nn.Module:
    """The network of an identity with its backbone's weights; see :func:`begun`."""
    network = pretrained(identity["space"], identity["architecture"], config_of(identity))

    def go_on() -> None:
        if should_stop():
            raise TrainingStopped("stopped before the first epoch")

    recalibrate(network, images, before_batch=go_on)
    return network
