"""Weights of a generator as one safetensors file, and the ones that ship."""

import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from encoders.safetensors_about import in_order
from generator.masked.condition import Conditions
from generator.masked.denoiser import Denoiser, DenoiserShape
from generator.masked.diffusion import MaskedDiffusion
from generator.masked.kept import kept_generator
from generator.shipped import shipped_path
from spaces.known import get_space
from spaces.space import Space

FORMAT = "netwright-masked-1"


class DamagedWeights(ValueError):
    """The file is no generator of this space; not worth a retry, train or fetch it again."""


def save_generator(model: MaskedDiffusion, path: Path) -> str:
    """Writes weights and what is needed to rebuild the network; returns the file's digest."""
    metadata = {
        "format": FORMAT,
        "space": model.space.name,
        "shape": json.dumps(asdict(model.denoiser.shape)),
        "conditions": json.dumps(
            {
                "names": model.conditions.names,
                "mean": model.conditions.mean.tolist(),
                "deviation": model.conditions.std.tolist(),
            }
        ),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in model.denoiser.state_dict().items()}
    path.write_bytes(in_order(save(state, metadata)))
    return _digest(path)


def read_generator(path: Path, space: Space) -> MaskedDiffusion:
    """The model that :func:`save_generator` wrote.

    Raises:
        DamagedWeights: for a damaged file or another space's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if metadata.get("format") != FORMAT or metadata.get("space") != space.name:
            raise DamagedWeights(f"{path.name} holds no {FORMAT} weights of {space.name}")
        conditions = json.loads(metadata["conditions"])
        names = tuple(conditions["names"])
        denoiser = Denoiser(space, len(names), DenoiserShape(**json.loads(metadata["shape"])))
        denoiser.load_state_dict(state)
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError, OSError) as error:
        raise DamagedWeights(f"{path.name} cannot be read: {error}") from error
    return MaskedDiffusion(
        space,
        denoiser,
        Conditions(names, np.array(conditions["mean"]), np.array(conditions["deviation"])),
        _digest(path),
    )


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def load_generator(space: str) -> MaskedDiffusion:
    """The generator of a space: the one that this process keeps, else the one that ships, loaded once.

    Its network is on the device that :func:`generator.device.use_device` named, on the CPU unless said.

    Raises:
        DamagedWeights: where none ships or the file is damaged.
    """
    from generator.device import device_in_use

    model = kept_generator(space) or _load_shipped(space)
    model.denoiser.to(device_in_use())
    return model


def has_generator(space: str) -> bool:
    """Whether :func:`load_generator` finds one: a plug-in may ship none, and none has learned recipes."""
    return kept_generator(space) is not None or shipped_path(space).is_file()


@lru_cache(maxsize=16)
def _load_shipped(space: str) -> MaskedDiffusion:
    return read_generator(shipped_path(space), get_space(space))
