r"""Bayesian linear regression that survives wrong measurements and finds the noise by itself.

.. math:: y_i = a_i^T\theta + \sigma\,\epsilon_i, \quad \theta \sim N(\mu, \mathrm{diag}(v)),
   \quad \epsilon_i \sim t_\nu

For each noise level :math:`\sigma` of a grid the mode of :math:`\theta` is found by iterative reweighting
(Lange, Little and Taylor 1989, "Robust Statistical Modeling Using the t Distribution"); the levels are then
weighed by their evidence in Laplace's approximation.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from spaces.space import Floats

DEGREES = 4.0
NOISE = (0.02, 0.04, 0.08, 0.16, 0.3)
_STEPS = 12


@dataclass(frozen=True, slots=True)
class Posterior:
    """A mixture of Gaussians over coefficients, one for each noise level.

    Shapes:
        weights: (l,) sums to 1
        noise: (l,)
        means: (l, p)
        covariances: (l, p, p)
    """

    weights: Floats
    noise: Floats
    means: Floats
    covariances: Floats

    @property
    def mean(self) -> Floats:
        """The coefficients' mean (p,)."""
        mean: Floats = self.weights @ self.means
        return mean

    def variance(self, rows: Floats) -> Floats:
        """Variance (b,) of new measurements at rows (b, p): coefficients, noise levels and noise together."""
        total = np.zeros(len(rows))
        center = rows @ self.mean
        for weight, noise, mean, covariance in zip(
            self.weights, self.noise, self.means, self.covariances, strict=True
        ):
            own = np.einsum("bp,pq,bq->b", rows, covariance, rows, optimize=True)
            total += weight * (own + noise**2 + (rows @ mean - center) ** 2)
        return total

    def left_out(self, rows: Floats, values: Floats) -> Floats:
        """Errors (k,) of the fitted measurements had each been left out, over what was then expected.

        In closed form from each measurement's leverage, its trust and the noise level's weight held fixed.

        Shapes:
            rows: (k, p) and values: (k,), those that were fitted
        """
        scores = np.zeros(len(rows))
        for weight, noise, mean, covariance in zip(
            self.weights, self.noise, self.means, self.covariances, strict=True
        ):
            errors = values - rows @ mean
            own = np.einsum("kp,pq,kq->k", rows, covariance, rows, optimize=True)
            leverage = np.minimum(own * _trust(errors, noise), 0.95)
            expected = np.sqrt(noise**2 + own / (1 - leverage))
            scores += weight * np.abs(errors) / (1 - leverage) / expected
        return scores


def regress(rows: Floats, values: Floats, mean: Floats, variance: Floats) -> Posterior:
    """The posterior of coefficients.

    Args:
        rows: (k, p), one a measurement.
        values: (k,).
        mean: of the prior, (p,).
        variance: of the prior, (p,), positive.
    """
    fits = [_fit(rows, values, mean, variance, noise) for noise in NOISE]
    evidence = np.array([fit[0] for fit in fits])
    weights = np.exp(evidence - evidence.max())
    return Posterior(
        weights / weights.sum(),
        np.array(NOISE),
        np.stack([fit[1] for fit in fits]),
        np.stack([fit[2] for fit in fits]),
    )


def _fit(
    rows: Floats, values: Floats, mean: Floats, variance: Floats, noise: float
) -> tuple[float, Floats, Floats]:
    """Log evidence, mode and covariance at one noise level."""
    found: Floats = mean
    precision = np.diag(1 / variance)
    for _ in range(_STEPS):
        trust = _trust(values - rows @ found, noise)
        hessian = (rows.T * trust) @ rows + precision
        found = np.asarray(np.linalg.solve(hessian, (rows.T * trust) @ values + mean / variance), float)
    scaled = ((values - rows @ found) / noise) ** 2
    constant = gammaln((DEGREES + 1) / 2) - gammaln(DEGREES / 2) - 0.5 * np.log(DEGREES * np.pi)
    likelihood = (constant - np.log(noise) - (DEGREES + 1) / 2 * np.log1p(scaled / DEGREES)).sum()
    prior = -0.5 * (((found - mean) ** 2 / variance).sum() + np.log(variance).sum())
    occam = -0.5 * np.linalg.slogdet(hessian)[1]
    return float(likelihood + prior + occam), found, np.asarray(np.linalg.inv(hessian), float)


def _trust(errors: Floats, noise: float) -> Floats:
    """Precision of each measurement: small where one is far off."""
    trust: Floats = (DEGREES + 1) / (DEGREES + (errors / noise) ** 2) / noise**2
    return trust
