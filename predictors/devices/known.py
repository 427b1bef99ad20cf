"""The latencies of known devices as linear functions of exact features."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from predictors.devices.features import latency_features
from spaces.space import Codes, Floats, Space

_PENALTIES = tuple(10.0**power for power in range(-5, 2))
_OUTLIER = 4.0
_REFERENCE = 2000
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """Relative latency (1 on average) of each known device.

    Shapes:
        center: (p,) subtracted from the features
        weights: (p, d)
        levels: (d,) mean latency, in the metric's unit
    """

    space: Space
    names: tuple[str, ...]
    center: NDArray[np.float32]
    weights: NDArray[np.float32]
    levels: Floats

    @classmethod
    def fit(
        cls, space: Space, labels: Mapping[str, tuple[Codes, Floats]], reference: Codes
    ) -> "KnownDevices":
        """Learns each device's function from its own labels.

        Args:
            space: what the codes mean.
            labels: device → codes (n, v) and positive values (n,).
            reference: architectures (m, v) that say how features and latencies are scaled.
        """
        groups = latency_features(space, reference)
        center = np.concatenate([group.mean(axis=0) for group in groups])
        # Every group has the same say, however many columns it has.
        scale = np.concatenate(
            [1 / np.maximum(group.std(axis=0), 1e-3) / np.sqrt(group.shape[1]) for group in groups]
        )
        usual = (np.concatenate(groups, axis=1) - center) * scale
        columns, levels = [], []
        for codes, values in labels.values():
            rows = (np.concatenate(latency_features(space, codes), axis=1) - center) * scale
            weights, offset = _ridge(rows, _clipped(values))
            level = max(float((usual @ weights).mean() + offset), float(values.min()))
            columns.append(scale * weights / level)
            levels.append(level)
        shifted = np.stack(columns, axis=1)
        # On average over the reference each function is 1, whatever its offset was.
        return cls(
            space, tuple(labels), center.astype(np.float32), shifted.astype(np.float32), np.array(levels)
        )

    def relative(self, codes: Codes) -> Floats:
        """Relative latencies (b, d) of codes (b, v)."""
        values = np.empty((len(codes), len(self.names)))
        for start in range(0, len(codes), _CHUNK):  # bounds the memory: features are hundreds an architecture
            part = slice(start, start + _CHUNK)
            rows = np.concatenate(latency_features(self.space, codes[part]), axis=1, dtype=np.float32)
            values[part] = (rows - self.center) @ self.weights + 1.0
        return values

    def without(self, names: set[str]) -> "KnownDevices":
        """The same functions, some devices left out."""
        kept = [i for i, name in enumerate(self.names) if name not in names]
        return replace(
            self,
            names=tuple(self.names[i] for i in kept),
            weights=self.weights[:, kept],
            levels=self.levels[kept],
        )


def reference_of(space: Space) -> Codes:
    """Architectures that stand for all of a space; drawn again when a file is read, so that none are
    stored."""
    return space.sample(_REFERENCE, np.random.default_rng(0))


def _clipped(values: Floats) -> Floats:
    """Values with what lies far from the median brought nearer: a table's own failed measurements."""
    middle = np.median(values)
    spread = 1.4826 * np.median(np.abs(values - middle))
    return np.clip(values, middle - _OUTLIER * spread, middle + _OUTLIER * spread)


def _ridge(rows: Floats, values: Floats) -> tuple[Floats, float]:
    """Ridge regression's weights (p,) and offset; the penalty is the best of a grid by leaving one out."""
    middle, mean = rows.mean(axis=0), float(values.mean())
    left, singular, right = np.linalg.svd(rows - middle, full_matrices=False)
    projected = left.T @ (values - mean)
    best, chosen = np.inf, singular
    for penalty in _PENALTIES:
        shrunk = singular**2 / (singular**2 + penalty * len(values))
        leverage = (left**2) @ shrunk + 1 / len(values)
        errors = (values - mean - left @ (shrunk * projected)) / np.maximum(1 - leverage, 1e-3)
        error = float((errors**2).mean())
        if error < best:
            best, chosen = error, shrunk / np.maximum(singular, 1e-12)
    weights: Floats = right.T @ (chosen * projected)
    return weights, mean - float(middle @ weights)
