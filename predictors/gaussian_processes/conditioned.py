"""A Gaussian process whose hyperparameters are known, conditioned on labels; predicts without torch.

It is the process of :mod:`predictors.gaussian_processes.exact_gp` with heteroscedastic noise. Its
hyperparameters are found there, by BoTorch; a test holds its predictions to those of BoTorch's model.

Notation: n labels, c candidates, f features, g groups.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from predictors.gaussian_processes.heteroscedastic_noise import Noise, condition
from predictors.gaussian_processes.matern import matern
from predictors.gaussian_processes.posterior import Posterior
from spaces.space import Floats

TREND = 1.0
"""Prior variance of the constant, which is marginalized."""
_CHUNK = 512
"""Candidates computed together: their covariances then stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class ConditionedGp:
    """The process given its labels.

    Args:
        signal: variance of the Matérn term.
        points: features of the labelled architectures, divided by their lengthscales, (n, f).
        posterior: given the labels.
        noise: of a label, at a predicted score.
    """

    signal: float
    points: Floats
    posterior: Posterior
    noise: Noise

    @classmethod
    def of(cls, points: Floats, labels: Floats, theta: Floats, *, known: Noise | None = None) -> Self:
        """From labels and hyperparameters.

        Args:
            points: features divided by their lengthscales, (n, f).
            labels: normal scores, (n,).
            theta: (g + 2,), see :mod:`predictors.gaussian_processes.exact_gp`.
            known: noise of a process that learned the same labels.
        """
        signal, usual = float(np.exp(theta[-2])), float(np.exp(theta[-1]))
        covariance = signal * matern(points, points) + TREND
        return cls(signal, points, *condition(covariance, labels, usual, known=known))

    def mean(self, points: Floats) -> Floats:
        """Posterior means (c,) at features (c, f)."""
        parts = [self._cross(part) @ self.posterior.weights for part in _chunks(points)]
        return np.concatenate([np.empty(0), *parts])

    def marginals(self, points: Floats) -> tuple[Floats, Floats]:
        """Posterior means and variances (c,) at features (c, f), noise included."""
        means, variances = [np.empty(0)], [np.empty(0)]
        for part in _chunks(points):
            cross = self._cross(part)
            means.append(cross @ self.posterior.weights)
            known = self.posterior.variance(cross, self.signal + TREND)
            variances.append(known + self.noise(means[-1]))
        return np.concatenate(means), np.concatenate(variances)

    def _cross(self, points: Floats) -> Floats:
        """Prior covariances (c, n) with the labels."""
        cross = matern(points, self.points)
        cross *= self.signal
        cross += TREND
        return cross


def _chunks(points: Floats) -> list[Floats]:
    return [points[start : start + _CHUNK] for start in range(0, len(points), _CHUNK)]
