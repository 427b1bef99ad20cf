r"""The set encoder: a task's embedding as one vector, whatever the order and number of its classes.

.. math:: v = \Bigl(\frac{1}{c}\sum_i p_i,\; s_1, s_2, s_3\Bigr), \qquad
          s_j = \frac{1}{c(c-1)}\sum_{i \ne k} \exp\bigl(-\lVert p_i - p_k\rVert^2 / (2 \ell_j)\bigr)

The mean says which classes they are (a linear DeepSets encoder, Zaheer et al. 2017: on 3,031 measured tasks
nothing richer orders held-out ones better), the three similarities how alike the classes are. Permutations of
classes change nothing.
"""

from dataclasses import dataclass

import numpy as np

from encoders.tasks.embedding import WIDTH, Prototypes
from spaces.space import Floats

LENGTHS = (2.65, 5.3, 10.6)
"""Squared lengthscales; two ImageNet classes are 10.6 apart in the median."""
NAMES = ("classes", "norm", "nearest", "similarity")
"""Names of the numbers of :func:`surroundings`."""


def task_vector(prototypes: Prototypes) -> Floats:
    """Mean prototype and similarities (1280 + 3,) of a task's prototypes (c, 1280)."""
    between = _squared(prototypes)[~np.eye(len(prototypes), dtype=bool)]
    similar = [float(np.exp(-between / (2 * length)).mean()) for length in LENGTHS]
    return np.concatenate([prototypes.astype(np.float64).mean(axis=0), similar])


def surroundings(prototypes: Prototypes) -> Floats:
    """Numbers (4,) that show whether a task is far from others: how many classes it has, how long its
    prototypes are on average, how near the nearest other class is, and how alike classes are."""
    between = _squared(prototypes) + np.diag(np.full(len(prototypes), np.inf))
    return np.array(
        [
            len(prototypes),
            np.linalg.norm(prototypes.astype(np.float64), axis=1).mean(),
            np.sqrt(between.min(axis=1)).mean(),
            task_vector(prototypes)[WIDTH + 1],
        ]
    )


def _squared(prototypes: Prototypes) -> Floats:
    """Squared distances (c, c)."""
    p = prototypes.astype(np.float64)
    squares = (p**2).sum(axis=1)
    result: Floats = np.maximum(squares[:, None] + squares - 2 * p @ p.T, 0.0)
    return result


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The range of the training tasks, one interval for each number of :func:`surroundings`.

    Shapes:
        low, high: (4,), of :func:`surroundings`
        margin: share of each interval by which a task may lie outside and still count as near
    """

    low: Floats
    high: Floats
    margin: float = 0.25

    @classmethod
    def of(cls, numbers: Floats) -> "Neighbourhood":
        """The range of tasks with surroundings (t, 4)."""
        return cls(numbers.min(axis=0), numbers.max(axis=0))

    def reasons(self, prototypes: Prototypes) -> list[str]:
        """Why a task is far from the training tasks; empty where it is near.

        The number of classes may lie between half their smallest and twice their largest one.
        """
        numbers = surroundings(prototypes)
        slack = self.margin * (self.high - self.low)
        low, high = self.low - slack, self.high + slack
        low[0], high[0] = self.low[0] / 2, self.high[0] * 2
        return [
            f"{name} is {value:.3g}, learned from {least:.3g} to {most:.3g}"
            for name, value, least, most, bottom, top in zip(
                NAMES, numbers, self.low, self.high, low, high, strict=True
            )
            if not bottom <= value <= top
        ]
