r"""Noise that depends on what is predicted.

The chance in a training moves an accuracy by much the same amount everywhere, but normal scores are steep
where labels crowd: near the ceiling a tenth of a percent is half a standard deviation, among poor networks
nothing. So the noise variance of a score is a smooth function of the predicted score,

.. math:: \sigma_n^2(m) = \frac{\sum_i w_i(m)\, e_i^2 + c\,\overline{e^2}}{\sum_i w_i(m) + c}, \quad
          w_i(m) = \exp\bigl(-\tfrac12 (m - m_i)^2 / h^2\bigr),

of what predictions :math:`m_i` that leave a label out miss beyond the posterior's own variance, :math:`e_i^2`
(as in Kersting et al. 2007, "Most Likely Heteroscedastic Gaussian Process Regression").
"""

from dataclasses import dataclass

import numpy as np

from predictors.gaussian_processes.posterior import Posterior
from spaces.space import Floats

JITTER = 1e-6
"""Added to every noise variance."""
FROM = 100
"""Labels from which they show how the noise varies."""
ROUNDS = 2
WIDTH, PRIOR = 0.4, 8.0
"""h, in standard deviations of the labels, and c, in labels."""
LOWEST, HIGHEST = 0.1, 20.0
"""Of the variance, over that of even noise."""
_KNOTS = 33


@dataclass(frozen=True, slots=True)
class Noise:
    """Variance as a function of the predicted score, linear between knots, constant beyond them.

    Shapes:
        knots, variances: (k,)
    """

    knots: Floats
    variances: Floats

    def __call__(self, scores: Floats) -> Floats:
        """Variances (b,) at predicted scores (b,)."""
        return np.interp(scores, self.knots, self.variances)

    @classmethod
    def even(cls, variance: float) -> "Noise":
        """The same everywhere."""
        return cls(np.zeros(1), np.array([variance]))

    @classmethod
    def of(cls, scores: Floats, squares: Floats, usual: float) -> "Noise":
        """From predicted scores (n,), squared errors beyond the posterior's variance (n,), and even noise."""
        squares = np.maximum(squares, LOWEST * usual)
        knots = np.linspace(scores.min(), scores.max(), _KNOTS)
        weights = np.exp(-0.5 * ((knots[:, None] - scores) / WIDTH) ** 2)
        found = (weights @ squares + PRIOR * squares.mean()) / (weights.sum(axis=1) + PRIOR)
        return cls(knots, np.clip(found, LOWEST * usual, HIGHEST * usual))


def condition(
    covariance: Floats, labels: Floats, usual: float, *, known: Noise | None = None
) -> tuple[Posterior, Noise]:
    """The posterior, and the noise that the labels show.

    Args:
        covariance: of the prior, (n, n).
        labels: (n,).
        usual: variance of even noise, the fitted one.
        known: noise to begin with, one round then being enough.
    """
    noise = known or Noise.even(usual)
    variances = np.full(len(labels), usual)
    posterior = Posterior.of(covariance, labels, variances + JITTER)
    if len(labels) < FROM:
        return posterior, noise
    for _ in range(ROUNDS if known is None else 1):
        errors, std = posterior.leave_one_out()
        predicted = labels - errors
        if known is None:
            noise = Noise.of(predicted, errors**2 - (std**2 - variances), usual)
        variances = noise(predicted)
        posterior = Posterior.of(covariance, labels, variances + JITTER)
    return posterior, noise
