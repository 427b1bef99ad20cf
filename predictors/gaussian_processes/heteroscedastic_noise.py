r"""Noise that depends on what is predicted.

The chance in a training moves an accuracy by much the same amount everywhere, but normal scores are steep
where labels crowd: near the ceiling a tenth of a percent is half a deviation, among poor networks nothing. So
the noise variance of a score is a smooth function of the predicted score,

.. math:: \sigma_n^2(m) = \frac{\sum_i w_i(m)\, e_i^2 + c\,\overline{e^2}}{\sum_i w_i(m) + c}, \quad
          w_i(m) = \exp\bigl(-\tfrac12 (m - m_i)^2 / h^2\bigr),

of what predictions :math:`m_i` that leave a label out miss beyond the posterior's own variance, :math:`e_i^2`
(as in Kersting et al. 2007, "Most Likely Heteroscedastic Gaussian Process Regression").
"""

from dataclasses import dataclass

import numpy as np

from predictors.gaussian_processes.matern_kernel import Posterior, condition_kernel, kernel
from spaces.space import Floats

FROM = 100
"""Labels from which they tell how the noise varies."""
ROUNDS = 2
WIDTH, PRIOR = 0.4, 8.0
"""h, in deviations of the labels, and c, in labels."""
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
    def even(cls, theta: Floats) -> "Noise":
        """The same everywhere."""
        return cls(np.zeros(1), np.exp(theta[-1:]))

    @classmethod
    def of(cls, scores: Floats, squares: Floats, usual: float) -> "Noise":
        """From predicted scores (n,), squared errors beyond the posterior's variance (n,), and even noise."""
        squares = np.maximum(squares, LOWEST * usual)
        knots = np.linspace(scores.min(), scores.max(), _KNOTS)
        weights = np.exp(-0.5 * ((knots[:, None] - scores) / WIDTH) ** 2)
        found = (weights @ squares + PRIOR * squares.mean()) / (weights.sum(axis=1) + PRIOR)
        return cls(knots, np.clip(found, LOWEST * usual, HIGHEST * usual))


def condition(
    squared: Floats, labels: Floats, theta: Floats, *, known: Noise | None = None
) -> tuple[Posterior, Noise]:
    """The posterior from scaled squared distances (n, n) and labels (n,), and the noise that they tell.

    Args:
        squared: (n, n).
        labels: (n,).
        theta: hyperparameters; the last is the logarithm of even noise.
        known: noise to begin with, one round then being enough.
    """
    matrix, usual = kernel(squared, theta), float(np.exp(theta[-1]))
    noise = known or Noise.even(theta)
    variances = np.full(len(labels), usual)
    posterior = condition_kernel(matrix, labels, theta, variances)
    if len(labels) < FROM:
        return posterior, noise
    for _ in range(ROUNDS if known is None else 1):
        errors, deviations = posterior.leave_one_out()
        said = labels - errors
        if known is None:
            noise = Noise.of(said, errors**2 - (deviations**2 - variances), usual)
        variances = noise(said)
        posterior = condition_kernel(matrix, labels, theta, variances)
    return posterior, noise
