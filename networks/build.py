"""From an architecture to a network that runs.

A space's networks are one file, ``networks/SPACE.py``, with ``network(codes, *, classes, in_channels)`` and
``small_network`` likewise, a reduced skeleton for scores at initialization.
Torch is loaded by the first call, not by importing this module.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING

import numpy as np

from spaces.space import Codes, InvalidArchitecture, get_space

if TYPE_CHECKING:
    from torch import nn


class NoNetwork(ValueError):
    """The space has no networks here; never worth a retry."""


def build(
    space_name: str,
    architecture: str | Codes,
    *,
    num_classes: int = 10,
    in_channels: int = 3,
    small: bool = False,
) -> "nn.Module":
    """The untrained network of an architecture, in training mode, weights from torch's global generator.

    Args:
        space_name: a registered space.
        architecture: a string of the space, or codes (v,).
        num_classes: width of the output.
        in_channels: channels of the input images.
        small: the space's reduced skeleton instead, which takes smaller images too.

    Shapes:
        forward: (b, in_channels, h, w) float32 → (b, num_classes)

    Raises:
        KeyError: for an unknown space.
        InvalidArchitecture: for a string or codes that are no member.
        NoNetwork: where the space has no networks.
    """
    space = get_space(space_name)
    if importlib.util.find_spec(f"networks.{space_name}") is None:
        raise NoNetwork(f"{space.title} has no networks to build")
    if isinstance(architecture, str):
        codes = space.parse(architecture)
    else:
        codes = np.asarray(architecture)
        if (reason := space.reason(codes)) is not None:
            raise InvalidArchitecture(reason)
    module = importlib.import_module(f"networks.{space_name}")
    make = module.small_network if small else module.network
    network: nn.Module = make(codes, classes=num_classes, in_channels=in_channels)
    return network
