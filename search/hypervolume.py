r"""Hypervolume, and what is expected to be gained of it.

The region that a front does not dominate is cut into disjoint boxes :math:`[l, u]` above a reference point.
Where objectives are independent and normal, the expected improvement is exact (Yang et al. 2019, "Efficient
Computation of Expected Hypervolume Improvement Using Box Decomposition Algorithms"):

.. math:: \sum_{[l, u]} \prod_j \bigl( E[(y_j - l_j)^+] - E[(y_j - u_j)^+] \bigr)

More is better in every objective. Notation: c candidates, o objectives, p points of a front, k boxes.
"""

import numpy as np
from scipy.special import ndtr

from search.pareto import crowding, pareto_front
from spaces.space import Floats

MOST_OBJECTIVES = 3
"""Beyond them boxes are too many: 665 for ten points of seven objectives, found in seconds."""
MOST_POINTS = {2: 512, 3: 32}
"""Of a front by its objectives: with three, boxes grow faster than points do."""


def boxes(scores: Floats, reference: Floats) -> tuple[Floats, Floats]:
    """Lower and upper corners (k, o) of what scores (n, o) do not dominate above the reference (o,).

    At most :data:`MOST_OBJECTIVES`; of a larger front than :data:`MOST_POINTS` the points that are far apart.
    """
    above = scores[(scores > reference).all(axis=1)]
    if not len(above):
        return reference[None].copy(), np.full((1, len(reference)), np.inf)
    front = np.unique(above[pareto_front(above)], axis=0)
    if scores.shape[1] == 1:
        return front.max(axis=0, keepdims=True), np.full((1, 1), np.inf)
    most = MOST_POINTS[scores.shape[1]]
    if len(front) > most:
        front = front[np.argsort(-crowding(front), kind="stable")[:most]]
    if scores.shape[1] == 2:
        front = front[np.argsort(front[:, 0])]
        # Sorted by the first objective the second one falls: a staircase, a box above each step.
        x = np.concatenate([[reference[0]], front[:, 0], [np.inf]])
        y = np.concatenate([front[:, 1], [reference[1]]])
        lower = np.stack([x[:-1], y], axis=1)
        upper = np.stack([x[1:], np.full(len(y), np.inf)], axis=1)
        return lower, upper
    return _many_boxes(front, reference)


def _many_boxes(front: Floats, reference: Floats) -> tuple[Floats, Floats]:
    import torch
    from botorch.utils.multi_objective.box_decompositions.non_dominated import (
        FastNondominatedPartitioning,
    )

    cut = FastNondominatedPartitioning(torch.from_numpy(reference), torch.from_numpy(front))
    corners = cut.get_hypercell_bounds().numpy()
    return corners[0], corners[1]


def expected_improvement(mean: Floats, std: Floats, lower: Floats, upper: Floats) -> Floats:
    """Expected hypervolume improvement (c,) of independent normals, mean and std (c, o).

    An exact value has std 0.

    >>> lower, upper = boxes(np.array([[1.0, 1.0]]), np.zeros(2))
    >>> expected_improvement(np.array([[2.0, 2.0]]), np.zeros((1, 2)), lower, upper)
    array([3.])
    """
    gain = np.ones((len(mean), len(lower)))
    for column in range(mean.shape[1]):
        ends, places = np.unique(np.stack([lower[:, column], upper[:, column]]), return_inverse=True)
        over = _expected_excess(mean[:, column, None], std[:, column, None], ends)
        places = places.reshape(2, -1)
        gain *= over[:, places[0]] - over[:, places[1]]
    result: Floats = np.maximum(gain.sum(axis=1), 0.0)
    return result


def _expected_excess(mean: Floats, std: Floats, ends: Floats) -> Floats:
    """E[(y − end)⁺], (c, e); 0 above everything."""
    std = np.maximum(std, 1e-12)
    z = (mean - np.where(np.isfinite(ends), ends, 0.0)) / std
    excess = std * (z * ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
    result: Floats = np.where(np.isfinite(ends), excess, 0.0)
    return result


def hypervolume(scores: Floats, reference: Floats) -> float:
    """Volume that scores (n, o) dominate above a reference (o,).

    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0], [0.5, 0.5]]), np.zeros(2))
    3.0
    """
    above = scores[(scores > reference).all(axis=1)]
    if not len(above):
        return 0.0
    front = np.unique(above[pareto_front(above)], axis=0)
    if scores.shape[1] == 1:
        return float(front.max() - reference[0])
    # Slices along the last objective, from the top: each is as deep as the step to the next.
    order = np.argsort(-front[:, -1], kind="stable")
    front = front[order]
    depths = front[:, -1] - np.append(front[1:, -1], reference[-1])
    return float(
        sum(
            depth * hypervolume(front[: index + 1, :-1], reference[:-1]) for index, depth in enumerate(depths)
        )
    )
