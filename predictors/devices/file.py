"""The shared latency model as a file: safetensors, a few numbers a device and feature."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from predictors.calibration.conformal import Calibration
from predictors.devices.known import KnownDevices, reference_of
from predictors.devices.model import DeviceModel
from predictors.devices.one_sided import OneSided
from predictors.predictor import DamagedModel
from spaces.space import Space


def to_bytes(model: DeviceModel) -> bytes:
    """The model without pickle and without an array that has an entry an architecture."""
    about = {"space": model.space.name, "devices": model.known.names}
    arrays: dict[str, NDArray[Any]] = {
        "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
        "centre": model.known.center,
        "weights": np.ascontiguousarray(model.known.weights),
        "levels": model.known.levels,
    }
    for count, calibration in model.calibrations.items():
        arrays[f"scores/{count}"] = calibration.scores
        arrays[f"labels/{count}"] = np.array([calibration.labels])
    for count, found in model.one_sided.items():
        arrays[f"slower/{count}"], arrays[f"faster/{count}"] = found.slower, found.faster
    return save(arrays)


def from_bytes(data: bytes, space: Space) -> DeviceModel:
    """Reads what :func:`to_bytes` wrote.

    Raises:
        DamagedModel: for damaged bytes or another space's model.
    """
    try:
        arrays = load(data)
        about = json.loads(arrays["about"].tobytes())
        known = KnownDevices(
            space, tuple(about["devices"]), arrays["centre"], arrays["weights"], arrays["levels"]
        )
        counts = sorted(int(name.partition("/")[2]) for name in arrays if name.startswith("scores/"))
        calibrations = {
            count: Calibration(arrays[f"scores/{count}"], int(arrays[f"labels/{count}"][0]))
            for count in counts
        }
        one_sided = {
            count: OneSided(arrays[f"slower/{count}"], arrays[f"faster/{count}"])
            for count in counts
            if f"slower/{count}" in arrays
        }
        if about["space"] != space.name:
            raise DamagedModel(f"the file is a device model of {about['space']}, not of {space.name}")
        return DeviceModel(known, reference_of(space), calibrations, one_sided)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise DamagedModel(f"the bytes are no device model of {space.name}: {error}") from error
