"""Guides that carry predictors, exact costs and acquisition functions into the generator."""

from collections.abc import Callable

import numpy as np

from search.problem import Problem
from spaces.space import Codes, Floats


class ExactBoundsGuide:
    """Pulls towards the exact bounds: −strength × the relative gap; 0 where they hold."""

    def __init__(self, problem: Problem, strength: float = 20.0) -> None:
        self.problem = problem
        self.strength = strength

    def log_weight(self, codes: Codes) -> Floats:
        """Log weights (b,)."""
        return -self.strength * self.problem.gap(codes)


class FunctionGuide:
    """Steers by any function of architectures, for example an acquisition.

    Args:
        function: codes (b, v) → (b,), larger is better.
        strength: factor on it; what the function calls one unit counts as so many nats.
        floor: log weights are not smaller, so that a bad region is left gradually.
    """

    def __init__(
        self, function: Callable[[Codes], Floats], *, strength: float = 1.0, floor: float = -50.0
    ) -> None:
        self.function = function
        self.strength = strength
        self.floor = floor

    def log_weight(self, codes: Codes) -> Floats:
        """Log weights (b,)."""
        return np.maximum(self.strength * self.function(codes), self.floor)
