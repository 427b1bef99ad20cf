r"""The posterior of a Gaussian process at known hyperparameters, as arrays.

.. math:: \mu(a) = k_a^\top w, \quad \sigma^2(a) = k(a, a) - k_a^\top K^{-1} k_a, \quad w = K^{-1} y

with the noise of the labels in K (Rasmussen & Williams 2006, eq. 2.25, 2.26 and 5.12). It is what a BoTorch
model computes, and tests hold the two to each other. It stands here for processes that predict without torch.

Notation: n labels, c candidates.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import inv

from spaces.space import Floats


@dataclass(frozen=True, slots=True)
class Posterior:
    """What labels say.

    Shapes:
        weights: (n,), w
        precision: (n, n), the inverse of K
    """

    weights: Floats
    precision: Floats

    @classmethod
    def of(cls, covariance: Floats, labels: Floats, noise: Floats | float) -> Self:
        """From prior covariances (n, n), labels less their prior mean (n,), and noise variances.

        Raises:
            LinAlgError: where the covariances with the noise are not positive definite.
        """
        noisy = covariance.copy()
        np.einsum("nn->n", noisy)[:] += noise
        precision: Floats = inv(noisy, overwrite_a=True, assume_a="pos")
        return cls(precision @ labels, precision)

    def leave_one_out(self) -> tuple[Floats, Floats]:
        """Errors (n,) at each label without it, and their standard deviations (n,), noise included."""
        diagonal = np.diag(self.precision)
        return self.weights / diagonal, 1.0 / np.sqrt(diagonal)

    def variance(self, cross: Floats, prior: Floats | float) -> Floats:
        """Variances (c,), noise not included.

        Args:
            cross: prior covariances with the labels, (c, n).
            prior: prior variances, (c,) or one for all.
        """
        explained: Floats = np.einsum("cn,cn->c", cross @ self.precision, cross)
        return np.maximum(prior - explained, 0.0)
