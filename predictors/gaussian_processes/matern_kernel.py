r"""Matérn kernel of smoothness 5/2 over groups of features, one lengthscale a group.

.. math:: k(a, b) = \sigma^2 \bigl(1 + r + r^2/3\bigr) e^{-r}, \qquad
          r^2 = 5 \sum_g e^{-2 \lambda_g} \lVert a_g - b_g \rVert^2

The hyperparameters are the logarithms :math:`\theta = (\lambda_1, …, \lambda_g, \log \sigma^2,
\log \sigma_n^2)`; few of them, with a tight prior, so that forty labels do not mislead them.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from spaces.space import Floats

JITTER = 1e-6
TREND = 1.0
"""Variance of the constant mean, which is marginalized."""
LENGTH_PRIOR = 0.4
"""Standard deviation of a log lengthscale about its group's center."""
VARIANCE_PRIOR = (0.0, -3.0, 2.0)
"""Centers of the log signal and noise variance, and the standard deviation of both."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the labels say.

    Shapes:
        theta: (g + 2,)
        weights: (n,), the inverse kernel matrix times the labels
        inverse: (n, n), of the kernel matrix with noise
    """

    theta: Floats
    weights: Floats
    inverse: Floats

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """Errors (n,) at each label without it, and their deviations (n,) (Rasmussen & Williams 2006)."""
        precision = np.diag(self.inverse)
        return self.weights / precision, 1.0 / np.sqrt(precision)


def distances(a: list[Floats], b: list[Floats]) -> Floats:
    """Squared distances (g, n, m) between two lists of one (n, f) and (m, f) array a group."""
    return np.stack([squared_distances(x, y) for x, y in zip(a, b, strict=True)])


def squared_distances(x: Floats, y: Floats) -> Floats:
    """Squared distances (n, m), in place: matrices of this size are slower to fetch than to compute."""
    found: Floats = (-2 * x) @ y.T
    found += np.einsum("nf,nf->n", x, x)[:, None]
    found += np.einsum("nf,nf->n", y, y)
    return np.maximum(found, 0.0, out=found)


def scaled(groups: list[Floats], lengths: Floats) -> Floats:
    """All groups (n, f) side by side, each divided by its lengthscale; ``lengths`` (g,) are logarithms."""
    return np.concatenate([group * np.exp(-log) for group, log in zip(groups, lengths, strict=True)], axis=1)


def scaled_distances(a: list[Floats], b: list[Floats], theta: Floats) -> Floats:
    """Squared distances (n, m) over all groups, each divided by its lengthscale."""
    return squared_distances(scaled(a, theta[:-2]), scaled(b, theta[:-2]))


def kernel(squared: Floats, theta: Floats) -> Floats:
    """Covariances (n, m) from :func:`scaled_distances`, the constant's included, noise not."""
    r = np.sqrt(5 * squared)
    result: Floats = r / 3
    result += 1
    result *= r
    result += 1
    np.negative(r, out=r)
    np.exp(r, out=r)
    result *= r
    result *= np.exp(theta[-2])
    result += TREND
    return result


def condition(squared: Floats, labels: Floats, theta: Floats) -> Posterior:
    """The posterior at given hyperparameters, from :func:`scaled_distances` (n, n) and labels (n,)."""
    return condition_kernel(kernel(squared, theta), labels, theta, np.full(len(labels), np.exp(theta[-1])))


def condition_kernel(matrix: Floats, labels: Floats, theta: Floats, noise: Floats) -> Posterior:
    """The posterior from covariances (n, n), labels (n,) and the noise variance of each (n,)."""
    noisy = matrix.copy()
    np.einsum("nn->n", noisy)[:] += noise + JITTER
    inverse = _inverse(cho_factor(noisy, lower=True, overwrite_a=True)[0])
    return Posterior(theta, inverse @ labels, inverse)


def _inverse(factor: Floats) -> Floats:
    """The inverse (n, n) of a matrix whose lower Cholesky factor this is; a third of the work of solving."""
    lower, _ = dpotri(factor, lower=1)
    found: Floats = np.where(np.tri(len(lower), dtype=bool), lower, lower.T)
    return found


def most_likely(squared: Floats, labels: Floats, center: Floats, *, iterations: int = 40) -> Floats:
    """Hyperparameters (g + 2,) of the greatest posterior probability, log lengthscales about ``center`` (g,).

    Shapes:
        squared: (g, n, n)
        labels: (n,)
    """
    middle = np.concatenate([center, VARIANCE_PRIOR[:2]])
    width = np.concatenate([np.full(len(center), LENGTH_PRIOR), np.full(2, VARIANCE_PRIOR[2])])

    def objective(theta: Floats) -> tuple[float, Floats]:
        value, slope = _negative_log_likelihood(squared, labels, theta)
        away = (theta - middle) / width
        return value + 0.5 * float(away @ away), slope + away / width

    bounds = [(mean - 4 * std, mean + 4 * std) for mean, std in zip(middle, width, strict=True)]
    found = minimize(
        objective, middle, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": iterations}
    )
    result: Floats = found.x
    return result


def _negative_log_likelihood(squared: Floats, labels: Floats, theta: Floats) -> tuple[float, Floats]:
    """Value and gradient (g + 2,), without the constant."""
    count, scale = len(labels), np.exp(-2 * theta[:-2])
    r = np.sqrt(5 * np.tensordot(scale, squared, axes=1))
    decay = np.exp(theta[-2]) * np.exp(-r)
    signal = decay * (1 + r + r**2 / 3)
    noise = np.exp(theta[-1])
    factor = cho_factor(signal + TREND + (noise + JITTER) * np.eye(count), lower=True)
    weights = cho_solve(factor, labels)
    value = 0.5 * float(labels @ weights) + float(np.log(np.diag(factor[0])).sum())
    # dL/dK; K changes with λ_g by decay · (1 + r)/3 · 5 e^{-2λ_g} d_g².
    outer = 0.5 * (_inverse(factor[0]) - np.outer(weights, weights))
    shared = outer * decay * (1 + r) * (5 / 3)
    lengths = scale * np.tensordot(squared, shared, axes=2)
    slope = np.concatenate([lengths, [(outer * signal).sum(), noise * np.trace(outer)]])
    return value, slope
