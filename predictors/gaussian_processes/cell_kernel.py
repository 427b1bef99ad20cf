r"""The kernel of task-conditioned models between architectures, and functions over inducing points.

Matérn 5/2 over groups of features that are equal for architectures computing the same function
(:func:`predictors.inputs.informed_kinds`), lengthscales fixed at their groups' centers: what few,
noisy pairs of a task and an architecture can bear. Its functions are written over inducing points :math:`z_j`
(:mod:`predictors.gaussian_processes.inducing`): :math:`f(a) = \sum_j k(a, z_j) \beta_j`.
"""

import numpy as np
from scipy.linalg import eigh

from predictors.gaussian_processes.feature_groups import center_of, standard, standardized
from predictors.gaussian_processes.matern import matern
from predictors.gaussian_processes.matern import scaled as matern_scaled
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
    centers = np.array([center_of(kind) for kind in standard(space, None, kinds).kinds])
    return matern_scaled(standardized(space, None, kinds, codes), centers)


def roots(points: Floats) -> Floats:
    """Matrix (m, r) that makes features of unit prior covariance of correlations with points (m, f)."""
    values, vectors = eigh(matern(points, points))
    kept = values > _TOLERANCE * values.max()
    found: Floats = (vectors[:, kept] / np.sqrt(values[kept]))[:, ::-1]
    return found


def correlations(space: Space, codes: Codes, points: Floats) -> Floats:
    """Correlations (b, m) of codes (b, v) with points (m, f)."""
    parts = [
        matern(scaled(space, codes[start : start + _CHUNK]), points) for start in range(0, len(codes), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(points)))
