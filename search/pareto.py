"""Which of several results no other one beats."""

import numpy as np
from numpy.typing import NDArray

from spaces.space import Floats


def pareto_front(scores: Floats) -> NDArray[np.bool_]:
    """Which rows (b,) of scores (b, o), larger is better, are dominated by none.

    >>> pareto_front(np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]]))
    array([ True,  True, False])
    """
    front = np.ones(len(scores), dtype=bool)
    for index, row in enumerate(scores):
        if front[index]:
            # Only what is still on the front can dominate; each row is compared in one pass.
            front &= ~((scores <= row).all(axis=1) & (scores < row).any(axis=1))
    return front
