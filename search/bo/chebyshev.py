r"""Many objectives as one: the augmented Chebyshev scalarization with random weights.

.. math:: s_w(y) = \min_j w_j y_j + \rho \sum_j w_j y_j, \qquad w \sim \mathrm{Dirichlet}(1)

(Knowles 2006, "ParEGO"). Each suggestion draws its own weights, so that suggestions spread over the front.
The boxes of a hypervolume grow exponentially with the objectives; this costs one pass over the candidates
whatever their number. More is better in every objective. Notation: c candidates, o objectives, n points, d
draws.
"""

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from spaces.space import Floats

AUGMENTED = 0.05
DRAWS = 64
"""Of the objectives at each candidate; the same standard normal ones for all of them."""


SMOOTH = 0.005
"""Of the ramp max(0, x): a candidate far below the best is still better than one further below (Ament et al.
2023)."""


def random_weights(objectives: int, seed: list[int]) -> Floats:
    """Weights (o,) that sum to 1."""
    weights: Floats = np.random.default_rng(seed).dirichlet(np.ones(objectives))
    return weights


def scalarized(values: Floats, weights: Floats) -> Floats:
    """The scalarization (n,) of signed objective values (n, o).

    >>> scalarized(np.array([[1.0, 3.0]]), np.array([0.5, 0.5]))
    array([0.6])
    """
    weighted = values * weights
    found: Floats = weighted.min(axis=1) + AUGMENTED * weighted.sum(axis=1)
    return found


def expected_improvement(mean: Floats, std: Floats, front: Floats, weights: Floats) -> Floats:
    """Expected improvement (c,) of the scalarization over the best of a front (n, o).

    Objectives are independent normals, mean and std (c, o); quasi-Monte Carlo with :data:`DRAWS` draws.
    """
    low, width = _range(front)
    best = float(scalarized((front - low) / width, weights).max())
    mean, std = (mean - low) / width, std / width
    gain = np.zeros(len(mean))
    for draw in _draws(mean.shape[1]):
        over = scalarized(mean + std * draw, weights) - best
        gain += SMOOTH * np.logaddexp(0.0, over / SMOOTH)
    return gain / DRAWS


def _range(front: Floats) -> tuple[Floats, Floats]:
    """Lowest value and width (o,) of each objective, so that none counts more for its unit."""
    low = front.min(axis=0)
    width = front.max(axis=0) - low
    return low, np.where(width > 1e-9, width, 1.0)


def _draws(objectives: int) -> Floats:
    """Standard normal draws (d, o) from a scrambled Sobol sequence, always the same."""
    points = qmc.Sobol(objectives, rng=0).random(DRAWS)
    draws: Floats = ndtri(np.clip(points, 1e-6, 1 - 1e-6))
    return draws
