"""Groups of features, each standardized over the space: what the kernels of Gaussian processes compare."""

from dataclasses import dataclass

import numpy as np

from encoders.features import features
from encoders.pretrained.networks import Pretrained
from spaces.cached import cached_by_space
from spaces.space import Codes, Floats, Space

REFERENCE = 2000
"""Architectures whose features' mean and standard deviation standardize every model of a space."""
CENTERS = {
    "onehot": 1.4,
    "ordinal": 1.4,
    "sources": 1.0,
    "structure": 1.0,
    "statistics": 1.6,
    "reduced": 1.6,
    "scores": 1.6,
    "deep_scores": 1.6,
    "pretrained": 0.4,
    "recipe": 1.0,
}
"""Mean of the prior of a group's log lengthscale, in standard deviations of a feature; 0.2 for the others.
The part before a colon in a kind's name counts: each part of a recipe is a group."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Center and scale of each group's features, one group a kind; kinds that do not vary are left out."""

    kinds: tuple[str, ...]
    centers: tuple[Floats, ...]
    scales: tuple[Floats, ...]


@cached_by_space(maxsize=64)
def standard(space: Space, task: str | None, kinds: tuple[str, ...]) -> Standard:
    """The standard of kinds of features (:mod:`encoders.features`)."""
    codes = space.sample(REFERENCE, np.random.default_rng(0))
    kept, centers, scales = [], [], []
    for kind in kinds:
        center, scale = standard_of(features(space, codes, task=task, kinds=(kind,)).astype(np.float64))
        if np.isfinite(scale).any():
            kept.append(kind)
            centers.append(center)
            scales.append(scale)
    return Standard(tuple(kept), tuple(centers), tuple(scales))


def standard_of(x: Floats) -> tuple[Floats, Floats]:
    """Center and scale (f,) of features (n, f): a group's weight does not grow with its size.

    A feature that does not vary has an infinite scale: no weight.
    """
    varying = x.std(axis=0) > 1e-9
    return x.mean(axis=0), np.where(varying, x.std(axis=0), np.inf) * np.sqrt(max(varying.sum(), 1))


def standardized(space: Space, task: str | None, kinds: tuple[str, ...], codes: Codes) -> list[Floats]:
    """One (b, f) array for each kind that varies, in the order of :func:`standard`."""
    found = standard(space, task, kinds)
    return [
        (features(space, codes, task=task, kinds=(kind,)) - center) / scale
        for kind, center, scale in zip(found.kinds, found.centers, found.scales, strict=True)
    ]


class Embedded:
    """Embeddings by a model's own networks, standardized over the space.

    Args:
        networks: that learned labels of this task or of others.
    """

    def __init__(self, networks: Pretrained) -> None:
        self.networks = networks
        known = networks.embed(networks.space.sample(REFERENCE, np.random.default_rng(0)))
        self._standards = [
            standard_of(known[:, member].astype(np.float64)) for member in range(known.shape[1])
        ]

    def __call__(self, codes: Codes) -> list[Floats]:
        """One (b, d) array a network."""
        own = self.networks.embed(codes).astype(np.float64)
        return [(own[:, m] - center) / scale for m, (center, scale) in enumerate(self._standards)]

    def together(self, codes: Codes) -> Floats:
        """All networks' as one group of features, (b, m·d)."""
        each = self(codes)
        found: Floats = np.concatenate(each, axis=1) / np.sqrt(len(each))
        return found


def center_of(kind: str) -> float:
    """The prior mean of a group's log lengthscale."""
    return CENTERS.get(kind.partition(":")[0], 0.2)
