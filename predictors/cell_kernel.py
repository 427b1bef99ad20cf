r"""The kernel of task-conditioned models between architectures, and landmarks that stand for the space.

Matérn 5/2 over groups of features that are equal for architectures computing the same function
(:func:`predictors.inputs.informed_kinds`), lengthscales fixed at their groups' centers: what few, noisy pairs
of a task and an architecture can bear. Its functions are written over landmarks :math:`l_j`, members drawn
from the space anew when a model is read: :math:`f(a) = \sum_j k(a, l_j) \beta_j` (Nyström).
"""

from functools import lru_cache

import numpy as np
from scipy.linalg import eigh

from encoders.score_table import classes
from predictors.feature_groups import center_of, standard, standardized
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


@lru_cache(maxsize=4)
def landmarks(space: Space, count: int) -> Floats:
    """Scaled features (m, f) of members drawn from a space.

    Of different functions: half drawn from all, half from the quarter that is deepest and largest, where good
    architectures crowd.
    """
    known = classes(space).codes
    rng = np.random.default_rng(0)
    statistics = space.statistics(known)
    size = np.argsort(-(statistics["depth"] + statistics["params_m"]), kind="stable")
    large = size[: max(len(known) // 4, 1)]
    everywhere = rng.permutation(len(known))[: count // 2]
    chosen = np.unique(np.concatenate([everywhere, rng.permutation(large)[: count - count // 2]]))
    return scaled(space, known[chosen])


@lru_cache(maxsize=4)
def roots(space: Space, count: int) -> Floats:
    """Matrix (m, r) that makes features of unit prior covariance of correlations with the landmarks."""
    points = landmarks(space, count)
    values, vectors = eigh(kernel(points, points))
    kept = values > _TOLERANCE * values.max()
    found: Floats = (vectors[:, kept] / np.sqrt(values[kept]))[:, ::-1]
    return found


def correlations(space: Space, codes: Codes, count: int) -> Floats:
    """Correlations (b, m) of codes (b, v) with the landmarks."""
    points = landmarks(space, count)
    parts = [
        kernel(scaled(space, codes[start : start + _CHUNK]), points) for start in range(0, len(codes), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, len(points)))
