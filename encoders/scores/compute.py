"""Computes every score of every function that a space's members compute."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from encoders.scores.score import SCORES, Batch, score_names
from networks import build
from spaces.space import Codes, Space

IMAGES, SIDE, CLASSES = 32, 16, 10
_SAVED_EVERY = 200


def score_network(space: Space, codes: Codes, *, seed: int) -> NDArray[np.float32]:
    """All scores of one architecture, (k,) in the order of :func:`score_names`.

    Each score gets the same freshly initialized small network and the same batch: standard normal images
    with random targets, so that no data set is needed.

    Args:
        space: with small networks, see :mod:`networks.build`.
        codes: (v,).
        seed: of weights, images and targets.

    Raises:
        NoNetwork: where the space has no networks.
    """
    generator = torch.Generator().manual_seed(seed)
    batch = Batch(
        torch.randn(IMAGES, 3, SIDE, SIDE, generator=generator),
        torch.randint(CLASSES, (IMAGES,), generator=generator),
    )
    values = []
    with torch.random.fork_rng(devices=[]):
        for name in score_names():
            torch.manual_seed(seed)
            network = build(space.name, codes, num_classes=CLASSES, small=True)
            _initialize(network)
            values.append(SCORES[name].value(network, batch))
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
    resume: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> Computed:
    """Scores of codes (b, v), one network at a time.

    Args:
        space: with small networks.
        codes: (b, v).
        seed: the same for every architecture, so that they differ by themselves alone.
        resume: an ``.npz`` file that holds what is done and is carried on with; it must come from the same
            codes, seed and scores.
        progress: called with done, total and a message.

    Raises:
        ValueError: where ``resume`` holds another number of scores.
    """
    shape = (len(codes), len(score_names()))
    done = Computed(np.full(shape, np.nan, dtype=np.float32), 0.0)
    if resume is not None and resume.exists():
        done = _read(resume)
    if done.values.shape != shape:
        raise ValueError(f"the file to resume from holds {done.values.shape} scores, not {shape}")
    values, began = done.values, time.perf_counter() - done.seconds
    pending = np.flatnonzero(np.isnan(values).any(axis=1))
    for place, row in enumerate(pending, start=1):
        values[row] = score_network(space, codes[row], seed=seed)
        if place % _SAVED_EVERY == 0 or place == len(pending):
            if resume is not None:
                _save(resume, Computed(values, time.perf_counter() - began))
            progress(len(codes) - len(pending) + place, len(codes), "networks scored")
    return Computed(values, time.perf_counter() - began)


def _read(path: Path) -> Computed:
    with np.load(path, allow_pickle=False) as file:
        return Computed(file["values"], float(file["seconds"]))


def _save(path: Path, computed: Computed) -> None:
    """Replaces the file at once, so that a reader never sees half of it."""
    waiting = path.with_suffix(".part.npz")
    np.savez(waiting, values=computed.values, seconds=computed.seconds)
    waiting.replace(path)
