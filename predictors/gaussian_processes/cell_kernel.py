r"""The kernel of task-conditioned models between architectures, and functions over inducing points.

Matérn 5/2 over groups of features that are equal for architectures computing the same function
(:func:`predictors.inputs.informed_kinds`), lengthscales fixed at their groups' centers: what few,
noisy pairs of a task and an architecture can bear. Its functions are written over inducing points :math:`z_j`
(:mod:`predictors.gaussian_processes.inducing`): :math:`f(a) = \sum_j k(a, z_j) \beta_j`.
"""

import numpy as np
from scipy.linalg import eigh

from predictors.gaussian_processes.feature_groups import center_of, standard, standardized
from predictors.inputs import informed_kinds
from spaces.space import Codes, Floats, Space

_CHUNK = 2048
_TOLERANCE = 1e-6
"""Of the greatest eigenvalue: directions below it are left out."""


def kinds_of(space: Space) -> tuple[str, ...]:
    """Features that the kernel compares."""
    return informed_kinds(space, embeddings=True)


def scaled(space: Space, codes: Codes) -> Floats:
    """Features (b, f) of codes (b, v), each group divided by its lengthscale."""
    kinds = kinds_of(space)
    groups = zip(standard(space, None, kinds).kinds, standardized(space, None, kinds, codes), strict=True)
    return np.concatenate([x * np.exp(-center_of(kind)) for kind, x in groups], axis=1)


def kernel(a: Floats, b: Floats) -> Floats:
    """Correlations (n, m) of scaled features (n, f) and (m, f)."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    r = np.sqrt(5 * np.maximum(squared, 0.0))
    result: Floats = (1 + r + r**2 / 3) * np.exp(-r)
    return result


def roots(points: Floats) -> Floats:
    """Matrix (m, r) that makes features of unit prior covariance of correlations with points (m, f)."""
    values, vectors = eigh(kernel(points, points))
    kept = values > _TOLERANCE * values.max()
    found: Floats = (vectors[:, kept] / np.sqrt(values[kept]))[:, ::-1]
    return found


def correlations(space: Space, codes: Codes, points: Floats) -> Floats:
    """Correlations (b, m) of codes (b, v) with points (m, f)."""
    parts = [
        kernel(scaled(space, codes[start : start + _CHUNK]), points) for start in range(0, len(codes), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(points)))
