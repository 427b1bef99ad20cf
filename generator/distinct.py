"""The distinct rows of an array of codes."""

import numpy as np
from numpy.typing import NDArray


def distinct(codes: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each distinct row of codes (b, v) stands first, rising, (m,), and each row's place there, (b,).

    >>> first, place = distinct(np.array([[3, 1], [0, 0], [3, 1]], dtype=np.int8))
    >>> first.tolist(), place.tolist()
    ([0, 1], [0, 1, 0])
    """
    rows = np.ascontiguousarray(codes)
    keys = rows.view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]
