"""A prediction is a distribution, shape-checked at construction, never a bare float."""

from dataclasses import dataclass

import numpy as np

from spaces.space import Floats


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean, standard deviation and an interval at a stated confidence.

    Shapes:
        mean, std, lower, upper: (b,) float64, in the quantity's unit; bounds are NaN where no interval
        can be promised
    Raises:
        ValueError: for shapes that differ, a NaN mean, a negative std, or bounds in the wrong order.
    """

    mean: Floats
    std: Floats
    lower: Floats
    upper: Floats
    confidence: float

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or not (
            self.mean.shape == self.std.shape == self.lower.shape == self.upper.shape
        ):
            raise ValueError("mean, std, lower and upper must be vectors of one length")
        if not 0.0 < self.confidence < 1.0:
            raise ValueError(f"confidence must lie between 0 and 1, not {self.confidence}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std >= 0).all()):
            raise ValueError("mean and std must be finite, std not negative")
        if (self.lower > self.upper).any():
            raise ValueError("lower must not exceed upper")

    def __len__(self) -> int:
        return len(self.mean)

    def within(self, low: float, high: float) -> "Prediction":
        """The same, its mean and bounds cut to what the quantity can be."""
        mean, lower, upper = (np.clip(values, low, high) for values in (self.mean, self.lower, self.upper))
        return Prediction(mean, self.std, lower, upper, self.confidence)
