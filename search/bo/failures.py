r"""The probability that an evaluation succeeds, learned from those that failed.

Least-squares classification (Rasmussen & Williams 2006, sec. 6.5): a Gaussian process is fitted to labels
:math:`\pm 1` about the latent mean of the overall rate, and its posterior is squashed,
:math:`p = \Phi\bigl(\mu / \sqrt{1 + \sigma^2}\bigr)`. Far from everything observed p is about that rate.

Notation: n observations, c candidates, f columns.
"""

import numpy as np
from scipy.special import ndtr, ndtri

from predictors.gaussian_processes.exact_gp import Matrix, exact_gp, marginals
from predictors.gaussian_processes.grouped_matern import Groups
from spaces.space import Floats

LABEL = 1.5
"""Latent value of a success; of a failure it is negative."""
NOISE = 0.1
"""Variance of the labels: an evaluation may fail by chance."""
LEARNED = 500
"""Evaluations, the latest, that are learned from."""


class SuccessModel:
    """P(an evaluation succeeds).

    Args:
        x: inputs (n, f) of what was evaluated.
        succeeded: whether it brought values, (n,).
        groups: of the inputs' columns; each lengthscale is its prior's mean.
    """

    def __init__(self, x: Floats, succeeded: Floats, groups: Groups) -> None:
        x, succeeded = x[-LEARNED:], succeeded[-LEARNED:]
        rate = (succeeded.sum() + 1) / (len(succeeded) + 2)
        self.mean = float(ndtri(rate))
        theta = np.array([*groups.log_lengthscales, 0.0, np.log(NOISE)])
        labels = np.where(succeeded > 0, LABEL, -LABEL)
        self.model = exact_gp(x, labels - self.mean, groups, theta)

    def log_probability(self, inputs: Matrix) -> Floats:
        """log P(success) (c,) of inputs (c, f)."""
        mean, variance = marginals(self.model, inputs, observation_noise=False)
        found: Floats = np.log(np.maximum(ndtr((self.mean + mean) / np.sqrt(1 + variance)), 1e-12))
        return found
