r"""Normal scores: a monotone map that makes any target look Gaussian, and its inverse.

:math:`T(y) = \Phi^{-1}((\mathrm{rank}(y) - 1/2)/n)` (van der Waerden 1952), linear between the labels and
beyond them. Accuracies have a crowd near the ceiling and a few networks that do not learn at all; costs span
factors. Fitted to such values a squared error cares for the outliers alone; fitted to their scores it cares
for the order. Because the map is monotone, intervals and probabilities carry over unchanged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from spaces.space import Floats

KNOTS = 64


def normal_scores(values: Floats) -> Floats:
    """The scores of values (n,) or of each column (n, k) themselves; equal values share one.

    >>> normal_scores(np.array([5.0, 7.0, 7.0])).round(2).tolist()
    [-0.97, 0.43, 0.43]
    """
    scores: Floats = ndtri((rankdata(values, axis=0) - 0.5) / len(values))
    return scores


@dataclass(frozen=True, slots=True)
class NormalScores:
    """The map, as knots: strictly rising values with their scores.

    Between and beyond the knots it is linear; in the logarithm of the value where ``logarithmic``, so that
    what is always positive, a cost say, is never predicted to be negative.

    Shapes:
        values, scores: (k,), k ≤ ``KNOTS``; one knot where all labels are equal but for rounding
    """

    values: Floats
    scores: Floats
    logarithmic: bool = False

    @classmethod
    def fit(cls, labels: Floats) -> "NormalScores":
        """From labels (n,)."""
        scores = normal_scores(labels)
        logarithmic = bool((labels > 0).all())
        values, first = np.unique(labels, return_index=True)
        first = first[_apart(np.log(values) if logarithmic else values)]
        values, scores = labels[first], scores[first]
        if len(values) > KNOTS:
            kept = np.unique(np.linspace(0, len(values) - 1, KNOTS).round().astype(int))
            values, scores = values[kept], scores[kept]
        return cls(values, scores, logarithmic)

    def transform(self, values: Floats) -> Floats:
        """Scores (b,) of values (b,)."""
        if len(self.values) == 1:
            return np.asarray(values - self.values[0])
        if self.logarithmic:
            return _linear(np.log(np.maximum(values, 1e-300)), np.log(self.values), self.scores)
        return _linear(values, self.values, self.scores)

    def inverse(self, scores: Floats) -> Floats:
        """Values (b,) of scores (b,); NaN stays NaN."""
        if len(self.values) == 1:
            return np.asarray(scores + self.values[0])
        if self.logarithmic:
            return np.asarray(
                np.exp(_within(_linear(scores, self.scores, np.log(self.values)), np.log(self.values)))
            )
        return _within(_linear(scores, self.scores, self.values), self.values)


def _apart(rising: Floats) -> NDArray[np.bool_]:
    """Which of rising values (k,) are more than rounding above the one before; no slope is known between
    others."""
    least = 1e-12 * np.abs(rising).max() + 1e-300
    found: NDArray[np.bool_] = np.diff(rising, prepend=-np.inf) > least
    return found


def _within(y: Floats, knots: Floats) -> Floats:
    """Not further beyond the labels than half their range: few labels say nothing of what lies there."""
    reach = (knots[-1] - knots[0]) / 2
    return np.asarray(np.clip(y, knots[0] - reach, knots[-1] + reach))


def _linear(x: Floats, xs: Floats, ys: Floats) -> Floats:
    """Interpolation of rising knots, going on beyond them with the mean slope of the outer tenth."""
    left = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    # Rounding must not lift what lies below a knot above it.
    y = np.clip(np.interp(x, xs, ys), ys[left], ys[left + 1])
    reach = max(1, len(xs) // 10)
    low = (ys[reach] - ys[0]) / (xs[reach] - xs[0])
    high = (ys[-1] - ys[-1 - reach]) / (xs[-1] - xs[-1 - reach])
    y = np.where(x < xs[0], ys[0] + low * (x - xs[0]), y)
    result: Floats = np.where(x > xs[-1], ys[-1] + high * (x - xs[-1]), y)
    return result
