r"""Conformal intervals: as wide as the model's own past errors say they must be.

With scores :math:`s_i = |y_i - \hat y_i| / \sigma_i` of n labels the model did not learn from, the
interval :math:`\hat y \pm q\,\sigma`, with q the :math:`\lceil (n+1)c \rceil`-th smallest score, covers the
truth of an exchangeable architecture with probability at least c (Papadopoulos et al. 2002, "Inductive
Confidence Machines for Regression"; normalized as in Lei et al. 2018).
"""

import math
from dataclasses import dataclass

import numpy as np

from predictors.prediction import Prediction
from spaces.space import Floats

KEPT = 128
"""Order statistics that are stored with a model; thinned upwards, so that no interval gets narrower."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Scores of held-out labels.

    Args:
        scores: (n,) sorted, not negative.
        labels: how many labels they stand for; more than ``len(scores)`` once thinned.
    """

    scores: Floats
    labels: int

    @classmethod
    def of(cls, residuals: Floats, scale: Floats) -> "Calibration":
        """From residuals (n,) and the model's own scale (n,) at the same labels."""
        return cls(np.sort(np.abs(residuals) / scale), len(residuals))

    def quantile(self, confidence: float) -> float:
        """Factor q on the scale; infinite where n labels cannot promise the confidence."""
        rank = math.ceil((self.labels + 1) * confidence)
        if rank > self.labels:
            return math.inf
        index = math.ceil(rank * len(self.scores) / self.labels) - 1
        return float(self.scores[index])

    def std_factor(self) -> float:
        """Factor on the scale that makes it a standard deviation: root mean square of the scores."""
        return float(np.sqrt((self.scores**2).mean())) if len(self.scores) else 1.0

    def prediction(self, mean: Floats, scale: Floats, confidence: float) -> Prediction:
        """The prediction at a mean and scale (b,); without a promise the bounds are NaN."""
        q = self.quantile(confidence)
        half = q * scale if math.isfinite(q) else np.full_like(scale, np.nan)
        return Prediction(mean, self.std_factor() * scale, mean - half, mean + half, confidence)

    def thinned(self) -> "Calibration":
        """At most ``KEPT`` scores, each rounded up to the next one kept."""
        if len(self.scores) <= KEPT:
            return self
        ranks = np.ceil(np.arange(1, KEPT + 1) * len(self.scores) / KEPT).astype(int) - 1
        return Calibration(self.scores[ranks], self.labels)
