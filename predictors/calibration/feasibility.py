"""The probability that a predicted quantity satisfies a bound."""

from typing import Protocol, runtime_checkable

import numpy as np

from predictors.predictor import Predictor
from spaces.metric import Constraint
from spaces.space import Codes, Floats


@runtime_checkable
class Cautious(Protocol):
    """A predictor that knows more of a bound than a distribution of the value says."""

    def probability_within(self, codes: Codes, low: float | None, high: float | None) -> Floats:
        """P(low ≤ value ≤ high) for codes (b, v), (b,), rather too small than too large."""


def feasible_probability(predictor: Predictor, codes: Codes, constraint: Constraint) -> Floats:
    """P(min ≤ value ≤ max) for codes (b, v), (b,)."""
    if isinstance(predictor, Cautious):
        return predictor.probability_within(codes, constraint.min, constraint.max)
    below_max, below_min = np.ones(len(codes)), np.zeros(len(codes))
    if constraint.max is not None:
        below_max = predictor.probability_below(codes, constraint.max)
    if constraint.min is not None:
        below_min = predictor.probability_below(codes, constraint.min)
    probability: Floats = np.clip(below_max - below_min, 0.0, 1.0)
    return probability
