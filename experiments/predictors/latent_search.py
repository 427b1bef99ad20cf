"""Bayesian optimization over fixed vectors of all architectures: what an embedding is worth to a search.

A plain exact Gaussian process with a radial kernel and expected improvement (Jones et al. 1998); no feature
but the vectors, no pretrained prediction. It evaluates embeddings; designs are searched for by :mod:`search`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from spaces.space import Floats

_LENGTHS = (0.25, 0.5, 1.0, 2.0)
"""Lengthscales tried, as multiples of the median distance between vectors."""
_NOISE = 0.05
"""Variance of the noise, that of the standardized values being 1."""


def latent_search(
    vectors: NDArray[np.float32], values: Floats, *, evaluations: int, seed: int, random_first: int = 10
) -> Floats:
    """The values evaluated, in order, (evaluations,); more is better.

    Args:
        vectors: of every candidate, (m, d).
        values: of every candidate, (m,); only those evaluated are used.
        evaluations: in all.
        seed: of the first draws.
        random_first: how many are drawn at random before the first model.
    """
    rng = np.random.default_rng(seed)
    points = vectors.astype(np.float64)
    sample = points[rng.choice(len(points), size=min(200, len(points)), replace=False)]
    median = float(np.median(np.sqrt(_squared(sample, sample)))) or 1.0
    points = points / median
    chosen = rng.choice(len(points), size=random_first, replace=False).tolist()
    # (m, e): squared distances of all candidates to those evaluated, a column added each time.
    distances = _squared(points, points[chosen])
    while len(chosen) < evaluations:
        found = values[chosen]
        centered = (found - found.mean()) / max(float(found.std()), 1e-9)
        mean, std = _posterior(distances, chosen, centered)
        gain = (mean - centered.max()) / std
        improvement = std * (gain * norm.cdf(gain) + norm.pdf(gain))
        improvement[chosen] = -np.inf
        chosen.append(int(np.argmax(improvement)))
        distances = np.concatenate([distances, _squared(points, points[chosen[-1:]])], axis=1)
    evaluated: Floats = values[chosen]
    return evaluated


def random_search(values: Floats, *, evaluations: int, seed: int) -> Floats:
    """The values of distinct candidates drawn at random, (evaluations,)."""
    drawn: Floats = np.random.default_rng(seed).choice(values, size=evaluations, replace=False)
    return drawn


def _squared(first: Floats, second: Floats) -> Floats:
    """Squared Euclidean distances, (m, e)."""
    cross = first @ second.T
    lengths = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None]
    squared: Floats = np.maximum(lengths - 2 * cross, 0)
    return squared


def _posterior(distances: Floats, chosen: list[int], centered: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation (m,) of all candidates, by the lengthscale of greatest marginal
    likelihood."""
    fits = [_fit(distances[chosen], centered, length) for length in _LENGTHS]
    _, length, inverse = max(fits, key=lambda fit: fit[0])
    cross = np.exp(-0.5 * distances / length**2)  # (m, e)
    explained = ((cross @ inverse) * cross).sum(axis=1)
    return cross @ (inverse @ centered), np.sqrt(np.maximum(1 - explained, 1e-9))


def _fit(between: Floats, centered: Floats, length: float) -> tuple[float, float, Floats]:
    """Log marginal likelihood, the lengthscale, and the inverse of the kernel matrix (e, e)."""
    factor = np.linalg.cholesky(np.exp(-0.5 * between / length**2) + _NOISE * np.eye(len(centered)))
    half = np.linalg.inv(factor)
    inverse: Floats = half.T @ half
    likelihood = -0.5 * float(centered @ inverse @ centered) - float(np.log(np.diag(factor)).sum())
    return likelihood, length, inverse
