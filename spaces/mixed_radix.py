"""Counting through a space whose variables are independent: a row of codes is a number in mixed radix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spaces.space import Codes, Variable


def all_codes(variables: Sequence[Variable]) -> Codes:
    """Every combination of choices, (∏ choices, v), the last variable varying fastest.

    >>> all_codes([Variable("a", (1, 2)), Variable("b", (1, 2, 3))]).tolist()
    [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    """
    sizes = [len(variable.choices) for variable in variables]
    return np.indices(sizes, dtype=np.int8).reshape(len(sizes), -1).T.copy()


def index_of(codes: Codes, variables: Sequence[Variable]) -> NDArray[np.int64]:
    """The row of :func:`all_codes` that equals each of codes (b, v), (b,).

    >>> variables = [Variable("a", (1, 2)), Variable("b", (1, 2, 3))]
    >>> index_of(np.array([[1, 2]], dtype=np.int8), variables).tolist()
    [5]
    """
    index = np.zeros(len(codes), dtype=np.int64)
    for column, variable in zip(codes.T, variables, strict=True):
        index *= len(variable.choices)
        index += column
    return index
