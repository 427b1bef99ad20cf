r"""The absorbing process of one slot: a value stays as it is or is masked for good.

Austin et al. 2021, "Structured Denoising Diffusion Models in Discrete State-Spaces". At noise level t a slot
is masked with probability t. States are the slot's values 0..k−1 and the mask, k.
"""

import numpy as np

from spaces.space import Floats


def forward(size: int, u: float, t: float) -> Floats:
    r"""Transition matrix :math:`Q_{t|u}`, (k + 1, k + 1), row by row from level u to level t ≥ u.

    :math:`q(x_t = m \mid x_u) = (t - u)/(1 - u)` for every value; the mask stays a mask.

    Raises:
        ValueError: unless 0 ≤ u ≤ t ≤ 1.
    """
    if not 0.0 <= u <= t <= 1.0:
        raise ValueError(f"levels must rise within 0 and 1, not go from {u} to {t}")
    masked = (t - u) / (1.0 - u) if u < 1.0 else 1.0
    matrix = np.eye(size + 1) * (1.0 - masked)
    matrix[:, size] += masked
    return matrix


def unmasking(t: float, u: float) -> float:
    """Chance (t − u)/t that a slot masked at level t is no longer so at level u < t."""
    return (t - u) / t


def posterior(size: int, x0: int, xt: int, u: float, t: float) -> Floats:
    r"""Bayes' rule for :math:`q(x_u \mid x_t, x_0)`, (k + 1,): what the reverse process imitates.

    Args:
        size: k.
        x0: the clean value.
        xt: the state at level t.
        u, t: levels, u < t.

    Raises:
        ValueError: where x0 cannot become xt.
    """
    start = np.eye(size + 1)[x0]
    joint = (start @ forward(size, 0.0, u)) * forward(size, u, t)[:, xt]
    if joint.sum() == 0:
        raise ValueError(f"the value {x0} cannot become {xt}")
    result: Floats = joint / joint.sum()
    return result
