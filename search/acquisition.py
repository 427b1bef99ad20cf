"""Acquisition functions on predictions."""

import numpy as np
from scipy.special import erfcx, ndtr

from spaces.space import Floats

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


def log_expected_improvement(mean: Floats, std: Floats, incumbent: float) -> Floats:
    r"""Logarithm of the expected improvement over an incumbent, where more is better.

    :math:`\log EI = \log\sigma + \log h(z)`, :math:`h(z) = \phi(z) + z\Phi(z)`,
    :math:`z = (\mu - f^*)/\sigma`; computed without cancellation far below the incumbent
    (Ament et al. 2023, "Unexpected Improvements to Expected Improvement for Bayesian Optimization", eq. 9).

    Args:
        mean, std: (b,), std > 0.
        incumbent: best value so far.

    >>> log_expected_improvement(np.array([0.0]), np.array([1.0]), 0.0).round(4)
    array([-0.9189])
    """
    z = (mean - incumbent) / std
    log_h = np.empty_like(z)
    near = z > -1.0
    log_h[near] = np.log(np.exp(-0.5 * z[near] ** 2 - _LOG_SQRT_2PI) + z[near] * ndtr(z[near]))
    far = z[~near]
    # 1 + z Φ(z)/φ(z), by the scaled complementary error function; below −1e4 by its asymptote 1/z².
    ratio = np.sqrt(np.pi / 2) * erfcx(-far / np.sqrt(2)) * np.abs(far)
    log_h[~near] = (
        -0.5 * far**2
        - _LOG_SQRT_2PI
        + np.where(far > -1e4, np.log1p(-np.minimum(ratio, 1 - 1e-12)), -2 * np.log(np.abs(far)))
    )
    result: Floats = np.log(std) + log_h
    return result
