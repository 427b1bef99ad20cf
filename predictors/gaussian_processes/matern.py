"""The kernel of :mod:`predictors.gaussian_processes.grouped_matern` in NumPy, where torch must not be loaded.

A test holds the two to each other.
"""

from collections.abc import Sequence

import numpy as np

from spaces.space import Floats


def scaled(groups: Sequence[Floats], log_lengthscales: Floats) -> Floats:
    """Groups of features (n, f_g) side by side, each divided by its lengthscale.

    Args:
        groups: one array a group.
        log_lengthscales: one a group, (g,).
    """
    return np.concatenate(
        [group * np.exp(-log) for group, log in zip(groups, log_lengthscales, strict=True)], axis=1
    )


def matern(a: Floats, b: Floats) -> Floats:
    r"""Correlations :math:`(1 + r + r^2/3) e^{-r}` with :math:`r^2 = 5 \lVert a - b \rVert^2`.

    Computed in place: matrices of this size are slower to fetch than to compute.

    Args:
        a: features divided by their lengthscales, (n, f).
        b: the same, (m, f).

    Returns:
        (n, m)
    """
    r: Floats = (-2 * a) @ b.T
    r += np.einsum("nf,nf->n", a, a)[:, None]
    r += np.einsum("mf,mf->m", b, b)
    np.maximum(r, 0.0, out=r)
    r *= 5
    np.sqrt(r, out=r)
    correlations: Floats = r / 3
    correlations += 1
    correlations *= r
    correlations += 1
    np.negative(r, out=r)
    correlations *= np.exp(r, out=r)
    return correlations
