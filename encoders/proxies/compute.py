"""Computes the scores of every function that a space's architectures compute."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch
from encoders.proxies.table import SMALL, ScoreSet
from networks import build
from networks.plan import NoNetwork, planned_spaces
from spaces.costs import network_config
from spaces.space import Codes, Space

SIDE, CLASSES = 16, 10
_SAVED_EVERY = 200


def score_network(space: Space, codes: Codes, *, seed: int, wanted: ScoreSet = SMALL) -> NDArray[np.float32]:
    """Scores of one architecture, (k,) in the order of the set.

    Each score gets the same freshly initialized network and the same batch: standard normal images with
    random targets, so that no data set is needed.

    Args:
        space: with networks, see :mod:`networks.build`.
        codes: (v,).
        seed: of weights, images and targets.
        wanted: which scores, on which skeleton.

    Raises:
        NoNetwork: where the space has no networks.
    """
    if space.name not in planned_spaces():
        raise NoNetwork(f"{space.name} has no networks to build")
    generator = torch.Generator().manual_seed(seed)
    batch = Batch(
        torch.randn(wanted.images, 3, SIDE, SIDE, generator=generator),
        torch.randint(CLASSES, (wanted.images,), generator=generator),
    )
    skeleton = network_config.SMALL if wanted.small else network_config.FULL
    config = space.network_config(classes=CLASSES, resolution=SIDE, skeleton=skeleton)
    values = []
    with torch.random.fork_rng(devices=[]):
        for name in wanted.names:
            torch.manual_seed(seed)
            network = build(space.name, codes, config)
            _initialize(network)
            values.append(PROXIES.get(name)().value(network, batch))
    return np.array(values, dtype=np.float32)


def _initialize(network: nn.Module) -> None:
    """Convolutions and linear layers as He et al. (2015), biases zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@dataclass(frozen=True, slots=True)
class Computed:
    """Scores and what they cost.

    Args:
        values: (b, k); NaN where still to be computed.
        seconds: spent so far, on one thread a network at a time.
    """

    values: NDArray[np.float32]
    seconds: float


def compute_scores(
    space: Space,
    codes: Codes,
    *,
    seed: int = 0,
    wanted: ScoreSet = SMALL,
    resume: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> Computed:
    """Scores of codes (b, v), one network at a time.

    Args:
        space: with networks.
        codes: (b, v).
        seed: the same for every architecture, so that they differ by themselves alone.
        wanted: which scores, on which skeleton.
        resume: an ``.npz`` file that holds what is done and is carried on with; it must come from the same
            codes and seed.
        progress: called with done, total and a message.

    Raises:
        ValueError: where ``resume`` holds another number of architectures, or other scores.
    """
    shape = (len(codes), len(wanted.names))
    done = Computed(np.full(shape, np.nan, dtype=np.float32), 0.0)
    if resume is not None and resume.exists():
        done = _read(resume, wanted)
    if done.values.shape != shape:
        raise ValueError(f"the file to resume from holds {done.values.shape} scores, not {shape}")
    values, began = done.values, time.perf_counter() - done.seconds
    pending = np.flatnonzero(np.isnan(values).any(axis=1))
    for place, row in enumerate(pending, start=1):
        values[row] = score_network(space, codes[row], seed=seed, wanted=wanted)
        if place % _SAVED_EVERY == 0 or place == len(pending):
            if resume is not None:
                _save(resume, Computed(values, time.perf_counter() - began), wanted)
            progress(len(codes) - len(pending) + place, len(codes), "networks scored")
    return Computed(values, time.perf_counter() - began)


def _read(path: Path, wanted: ScoreSet) -> Computed:
    with np.load(path, allow_pickle=False) as file:
        about = str(file.get("about"))
        if about != repr(wanted):
            raise ValueError(f"the file to resume from holds other scores: {about}")
        return Computed(file["values"], float(file["seconds"]))


def _save(path: Path, computed: Computed, wanted: ScoreSet) -> None:
    """Replaces the file at once, so that a reader never sees half of it."""
    waiting = path.with_suffix(".part.npz")
    np.savez(waiting, values=computed.values, seconds=computed.seconds, about=repr(wanted))
    waiting.replace(path)
