"""From an architecture to a network that runs.

Torch is loaded by the first call, not by importing this module.
"""

import importlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.plan import Argument, Call, Name, Plan, plan_network
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.registry import import_modules
from spaces.space import Codes, InvalidArchitecture

if TYPE_CHECKING:
    from torch import nn


def build(
    space_name: str,
    architecture: str | Codes,
    network: NetworkConfig | None = None,
    *,
    in_channels: int = 3,
) -> "nn.Module":
    """The untrained network of an architecture, in training mode, weights from torch's global generator.

    Args:
        space_name: a registered space.
        architecture: a string of the space, or codes (v,).
        network: which network is meant, by the space's ``network_config``; None: its own for its first task.
        in_channels: channels of the input images.

    Shapes:
        forward: (b, in_channels, h, w) float32 → (b, classes)

    Raises:
        KeyError: for an unknown space.
        InvalidArchitecture: for a string or codes that are not an architecture of the space.
        NoNetwork: where the space has no networks.
    """
    return assemble(
        plan_network(space_name, codes_of(space_name, architecture), network), in_channels=in_channels
    )


def codes_of(space_name: str, architecture: str | Codes) -> Codes:
    """Codes (v,) of a string or of codes, which need not be canonical.

    Raises:
        KeyError: for an unknown space.
        InvalidArchitecture: for a string or codes that are not an architecture of the space.
    """
    space = get_space(space_name)
    if isinstance(architecture, str):
        return space.parse(architecture)
    codes = np.asarray(architecture)
    if (reason := space.reason(codes)) is not None:
        raise InvalidArchitecture(reason)
    canonical: Codes = space.canonical(codes[None])[0]
    return canonical


def assemble(plan: Plan, *, in_channels: int = 3) -> "nn.Sequential":
    """The network of a plan."""
    from torch import nn

    known = {**_blocks(), "num_classes": plan.classes, "in_channels": in_channels}
    if (cell := plan.cell) is not None:
        known["cell"] = lambda channels: _value(cell, {**known, "channels": channels})
    return nn.Sequential(*(_value(layer.call, known) for layer in plan.layers))


@cache
def _blocks() -> dict[str, Any]:
    """What calls may name: torch's layers as ``nn`` and the classes of :mod:`networks.blocks`."""
    known: dict[str, Any] = {"nn": importlib.import_module("torch.nn")}
    for module in import_modules("networks.blocks"):
        known.update(vars(module))
    return known


def _value(argument: Argument, known: Mapping[str, Any]) -> Any:
    """What an argument of a call stands for."""
    if isinstance(argument, Name):
        return _lookup(argument.text, known)
    if isinstance(argument, Call):
        args = [_value(item, known) for item in argument.args]
        kwargs = {name: _value(item, known) for name, item in argument.kwargs.items()}
        return _lookup(argument.function, known)(*args, **kwargs)
    if isinstance(argument, Mapping):
        return {key: _value(item, known) for key, item in argument.items()}
    return argument


def _lookup(name: str, known: Mapping[str, Any]) -> Any:
    """``cell`` or ``nn.Linear`` among what is known."""
    first, *rest = name.split(".")
    found = known[first]
    for part in rest:
        found = getattr(found, part)
    return found
