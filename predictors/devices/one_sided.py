"""How far a new device may be slower, or faster, than its fit says: one-sided, and at most devices.

Errors of latencies are skewed (a network is slower than expected far more often than faster), and those of
one device go together: a fit that is wrong is wrong about many architectures. So an interval that holds on
average over devices, as wide on both sides, says too little about a bound. For each level p, the p-quantile
of the signed scores (truth − mean) / std of each left-out device and draw of its measurements is found, and
of these the value that :data:`DEVICES` of them stay below.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import ndtr, ndtri

from spaces.space import Floats

DEVICES = 0.7
"""Share of the devices for which what is said of a bound holds at least."""
LEVELS = 64


@dataclass(frozen=True, slots=True)
class OneSided:
    """Scores at :func:`levels`, for most devices.

    Shapes:
        slower, faster: (l,) rising; of (truth − mean) / std, and of its negative
    """

    slower: Floats
    faster: Floats

    @classmethod
    def of(cls, scores: Sequence[Floats]) -> Self:
        """From signed scores (n,) of each left-out device and draw."""
        return cls(_at_most_devices(scores), _at_most_devices([-each for each in scores]))

    def not_slower(self, scores: Floats) -> Floats:
        """P(truth ≤ mean + score · std), (b,), at most devices."""
        return _probability(scores, self.slower)

    def not_faster(self, scores: Floats) -> Floats:
        """P(truth ≥ mean − score · std), (b,), at most devices."""
        return _probability(scores, self.faster)


def levels() -> Floats:
    """Between 0 and 1, (l,)."""
    return (np.arange(LEVELS) + 0.5) / LEVELS


def _at_most_devices(scores: Sequence[Floats]) -> Floats:
    each = np.stack([np.quantile(own, levels()) for own in scores])
    found: Floats = np.quantile(each, DEVICES, axis=0)
    return found


def _probability(scores: Floats, knots: Floats) -> Floats:
    """The level at scores (b,): between and beyond the knots (l,) as of a normal distribution."""
    z = ndtri(levels())
    found = np.interp(scores, knots, z)
    low, high = (max(float(step), 1e-9) for step in (knots[1] - knots[0], knots[-1] - knots[-2]))
    found = np.where(scores < knots[0], z[0] + (scores - knots[0]) / low * (z[1] - z[0]), found)
    found = np.where(scores > knots[-1], z[-1] + (scores - knots[-1]) / high * (z[-1] - z[-2]), found)
    probability: Floats = ndtr(found)
    return probability
