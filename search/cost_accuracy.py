r"""What an architecture's costs tell of its accuracy, where no accuracy of its space was ever measured.

.. math:: y(a) = \beta_0 + \beta_1 \log \mathrm{MACs} + \beta_2 \log \mathrm{params}
                 + \beta_3 (\log \mathrm{MACs})^2

Least squares on what the shipped model of ``mnasnet`` predicts of architectures drawn from that space on
ImageNet. The coefficients carry over to spaces of the same blocks (inverted bottlenecks at 224 pixels);
accuracy is kept from falling with either cost, as Tan & Le 2019 ("EfficientNet") observed of such networks.
"""

import json
from functools import lru_cache
from typing import Self

import numpy as np

from predictors import shipped
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, Predictor
from spaces.known import get_space
from spaces.space import Codes, Floats, Space

SOURCE, KEY = "mnasnet", "accuracy@imagenet"
DRAWN = 2000


class CostAccuracy(Predictor):
    """Ranks architectures of image spaces by their costs; every prediction is extrapolated.

    Args:
        space: one with ``macs_m`` and ``params_m``.
    """

    kind = "cost_accuracy"
    extrapolated = True

    def __init__(self, space: Space, *, task: str | None = None, seed: int = 0) -> None:
        super().__init__(space, task=task, seed=seed)
        self.weights, self.left, self.low, self.high = _learned()

    def fit(self, codes: Codes, values: Floats) -> Self:
        """It learns nothing from labels; :mod:`search.bo.prior_mean` does."""
        return self

    def refine(self, codes: Codes, values: Floats) -> Self:
        """See :meth:`fit`."""
        return self

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Means for codes (b, v); no interval can be promised."""
        inputs = _inputs(self.space, codes)
        # Beyond the costs that were learned from the trend goes on as a line, so that order is kept.
        inside = np.clip(inputs, self.low, self.high)
        mean: Floats = _columns(inside) @ self.weights + (inputs - inside).sum(axis=1)
        nothing = np.full(len(codes), np.nan)
        return Prediction(mean, np.full(len(codes), self.left), nothing, nothing, confidence)

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound), (b,), of a normal distribution."""
        from scipy.special import ndtr

        prediction = self.predict(codes)
        probability: Floats = ndtr((bound - prediction.mean) / prediction.std)
        return probability

    def to_bytes(self) -> bytes:
        """The coefficients as JSON."""
        return json.dumps({"source": f"{SOURCE}/{KEY}", "weights": self.weights.tolist()}).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """It is made from what ships and never read."""
        raise DamagedModel("a model of costs is made from what ships and not read from bytes")


def _inputs(space: Space, codes: Codes) -> Floats:
    """log10 of multiply-accumulates and parameters, in millions, (b, 2)."""
    costs = space.statistics(codes)
    return np.log10(np.column_stack([costs["macs_m"], costs["params_m"]]))


def _columns(inputs: Floats) -> Floats:
    macs, params = inputs.T
    return np.column_stack([np.ones(len(inputs)), macs, params, macs**2])


@lru_cache(maxsize=1)
def _learned() -> tuple[Floats, float, Floats, Floats]:
    """Coefficients (4,), the standard deviation that they leave, and the costs (2,) learned between."""
    space = get_space(SOURCE)
    codes = space.sample(DRAWN, np.random.default_rng(0))
    values = shipped.load(SOURCE, KEY).predict(codes).mean
    inputs = _inputs(space, codes)
    columns = _columns(inputs)
    weights: Floats = np.linalg.lstsq(columns, values, rcond=None)[0].astype(np.float64)
    low, high = np.quantile(inputs, [0.01, 0.99], axis=0)
    # A slope below zero within what was learned from would rank larger networks lower.
    weights[2] = max(weights[2], 0.0)
    if weights[3] < 0:
        high[0] = min(high[0], -weights[1] / (2 * weights[3]))
    left = float((values - columns @ weights).std())
    return weights, left, low, high
