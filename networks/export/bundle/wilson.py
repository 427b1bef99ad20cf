"""How sure an accuracy on so many images is."""

from math import sqrt

Z95 = 1.959964
"""Of the standard normal distribution, for 95 %."""


def wilson(right: int, count: int, z: float = Z95) -> tuple[float, float]:
    r"""Interval of a share (Wilson 1927), as percent: with :math:`p = r / n`,

    :math:`\left(p + z^2 / 2n \pm z \sqrt{p (1 - p) / n + z^2 / 4 n^2}\right) / (1 + z^2 / n)`.

    Args:
        right: how many were right.
        count: of how many, at least one.

    >>> [round(bound, 2) for bound in wilson(90, 100)]
    [82.56, 94.48]
    >>> [round(bound, 2) for bound in wilson(20, 20)]
    [83.89, 100.0]
    """
    share, squared = right / count, z * z
    center = share + squared / (2 * count)
    reach = z * sqrt(share * (1 - share) / count + squared / (4 * count * count))
    low, high = ((center + sign * reach) / (1 + squared / count) for sign in (-1, 1))
    return 100 * max(0.0, low), 100 * min(1.0, high)
