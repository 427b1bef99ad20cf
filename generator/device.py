"""Where this process runs the networks of its generators: one choice, made when it starts."""

import torch


class NoDevice(ValueError):
    """torch does not have the device here; name another."""


_in_use = torch.device("cpu")


def use_device(name: str) -> torch.device:
    """Names the device for all that is generated from now on; seeds mean the same on each.

    Args:
        name: ``cpu``, ``cuda``, or one of several GPUs as ``cuda:1``.

    Raises:
        NoDevice: where torch does not have it.
    """
    global _in_use
    _in_use = find_device(name)
    return _in_use


def find_device(name: str) -> torch.device:
    """The device of a name.

    Raises:
        NoDevice: where torch does not have it.
    """
    here = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if name in here or (name == "cuda" and len(here) > 1):
        return torch.device(name)
    raise NoDevice(f"no device {name!r}; torch has {', '.join(here)}")


def device_in_use() -> torch.device:
    """What :func:`use_device` named last; the CPU unless said."""
    return _in_use
