"""The device models that ship: loaded once a process, one file a space."""

import hashlib
from functools import lru_cache
from pathlib import Path

import artifacts
from predictors.devices.file import from_bytes
from predictors.devices.model import DeviceModel
from predictors.predictor import DamagedModel
from spaces.known import get_space

METRIC = "latency_ms"
"""What the shipped models are of."""


def path_of(space: str) -> Path:
    """Where the device model of a space lies."""
    return artifacts.ROOT / "devices" / f"{space}.safetensors"


def spaces_with_devices() -> list[str]:
    """Spaces with a shipped device model."""
    return sorted(path.stem for path in (artifacts.ROOT / "devices").glob("*.safetensors"))


@lru_cache(maxsize=16)
def load(space: str) -> DeviceModel:
    """The shipped device model of a space.

    Raises:
        KeyError: where none ships.
        DamagedModel: where its file is damaged.
    """
    if space not in spaces_with_devices():
        raise KeyError(f"no device model of {space} ships; known are {', '.join(spaces_with_devices())}")
    try:
        return from_bytes(path_of(space).read_bytes(), get_space(space))
    except OSError as error:
        raise DamagedModel(f"{path_of(space).name} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=16)
def digest(space: str) -> str:
    """``sha256:`` of a space's file."""
    return "sha256:" + hashlib.sha256(path_of(space).read_bytes()).hexdigest()
