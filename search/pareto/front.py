"""Which of several results no other one beats."""

import numpy as np
from numpy.typing import NDArray

from spaces.space import Floats


def pareto_front(values: Floats) -> NDArray[np.bool_]:
    """Which rows (b,) of values (b, o), larger is better, are dominated by none.

    >>> pareto_front(np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]]))
    array([ True,  True, False])
    """
    front = np.zeros(len(values), dtype=bool)
    # By falling sum hardly anything dominates what comes before it, so that the front is found first.
    left = np.argsort(-values.sum(axis=1), kind="stable")
    columns = np.ascontiguousarray(values[left].T)  # a column at a time is several times as fast
    while len(left):
        first = columns[:, :1]
        worse = (columns <= first).all(axis=0)
        equal = (columns == first).all(axis=0)
        # Rounding can give two rows one sum, in either order.
        beaten = ((columns >= first).all(axis=0) & ~equal).any()
        front[left[equal]] = not beaten
        kept = ~worse
        left, columns = left[kept], columns[:, kept]
    return front


def fronts(values: Floats) -> NDArray[np.int64]:
    """The front that each row (b,) of values (b, o), larger is better, belongs to: 0 is dominated by none,
    1 only by front 0, and so on (Deb et al. 2002).

    >>> fronts(np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 0.0]])).tolist()
    [0, 0, 1]
    """
    numbers = np.empty(len(values), dtype=np.int64)
    left, number = np.arange(len(values)), 0
    while len(left):
        front = pareto_front(values[left])
        numbers[left[front]] = number
        left, number = left[~front], number + 1
    return numbers


def crowding(values: Floats) -> Floats:
    """Crowding distance (b,) of one front's values (b, o): how far apart its neighbours are, summed over
    objectives in parts of the range; infinite at the ends (Deb et al. 2002).

    >>> crowding(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0]])).tolist()
    [inf, 2.0, inf]
    """
    distance = np.zeros(len(values))
    for column in values.T:
        order = np.argsort(column, kind="stable")
        width = float(column[order[-1]] - column[order[0]]) or 1.0
        distance[order[[0, -1]]] = np.inf
        distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
    return distance
