"""Inducing points: where the functions of a shipped model are written down, in feature space.

Centers of k-means over features of architectures drawn uniformly from a space. No center is an architecture,
and no benchmark table takes part, so that a file which holds a weight for each center holds no entry of a
table.
"""

import numpy as np
from scipy.cluster.vq import vq

from spaces.space import Floats

ROUNDS = 10


def inducing_points(drawn: Floats, count: int, *, seed: int = 0) -> Floats:
    """Centers (m, f) of features (n, f) of uniform draws, m ≤ ``count``: empty clusters are left out.

    >>> inducing_points(np.array([[0.0], [0.2], [4.0], [4.2]]), 2).round(1).ravel().tolist()
    [0.1, 4.1]
    """
    distinct = np.unique(drawn, axis=0)
    rng = np.random.default_rng(seed)
    centers = distinct[rng.choice(len(distinct), size=min(count, len(distinct)), replace=False)]
    for _ in range(ROUNDS):
        nearest, _ = vq(drawn, centers)
        order = np.argsort(nearest, kind="stable")
        _, first, sizes = np.unique(nearest[order], return_index=True, return_counts=True)
        centers = np.add.reduceat(drawn[order], first, axis=0) / sizes[:, None]
    # Rounded once, as the file that they ship in does.
    result: Floats = centers.astype(np.float32).astype(np.float64)
    return result
