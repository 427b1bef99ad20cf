"""Where this process trains, and with which precision: one choice, made when it starts."""

from contextlib import AbstractContextManager, nullcontext

import torch

_in_use = torch.device("cpu")


def use_device(name: str) -> torch.device:
    """Names the device of all further trainings: ``cpu``, or ``cuda`` where torch has it, else the CPU."""
    global _in_use
    _in_use = torch.device(name if name == "cpu" or torch.cuda.is_available() else "cpu")
    return _in_use


def device_in_use() -> torch.device:
    """What :func:`use_device` named last; the CPU unless said."""
    return _in_use


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """The precision of forward passes: bfloat16 where a GPU has it (no scaling of losses), else float32.

    On the CPU nothing changes: sums in float32 and in a fixed order are the same on every worker.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def described(device: torch.device) -> str:
    """The device and its precision, for a result.

    >>> described(torch.device("cpu"))
    'cpu, float32'
    """
    if device.type != "cuda":
        return f"{device.type}, float32"
    precision = "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return f"{torch.cuda.get_device_name(device)}, {precision}"
