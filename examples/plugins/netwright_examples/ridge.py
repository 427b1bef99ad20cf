r"""Bayesian linear regression on one-hot features (Bishop 2006, "Pattern Recognition and Machine Learning",
section 3.3), a predictor that learns tens of thousands of labels within a second.

With inputs :math:`X`, labels :math:`y` and penalty :math:`\lambda`, the posterior of the weights has the
covariance :math:`A = (X^\top X + \lambda I)^{-1}` and the mean :math:`A X^\top y`. The errors of leaving one
label out are :math:`(y_i - x_i^\top w) / (1 - x_i^\top A x_i)`; they calibrate the intervals.
"""

import json
from typing import Self

import numpy as np

from encoders.features import features
from predictors.calibrated import ScoredPredictor, checked
from predictors.calibration.conformal import Calibration
from predictors.calibration.normal_scores import NormalScores
from predictors.kinds import KINDS
from predictors.predictor import DamagedModel, NotEnoughLabels
from spaces.space import Codes, Floats, Space

FORMAT = "netwright-examples-ridge-1"
PENALTY = 1.0


@KINDS.register
class RidgePredictor(ScoredPredictor):
    """Predicts by a weight for each choice of each variable."""

    kind = "ridge"
    most_labels = 50_000
    inline_labels = 5_000

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; see :class:`predictors.predictor.Predictor`."""
        values = checked(self.space, codes, values)
        self.learned = codes.copy(), values.copy()
        self.scores = NormalScores.fit(values)
        x, y = self._inputs(codes), self.scores.transform(values)
        self._covariance = np.linalg.inv(x.T @ x + PENALTY * np.eye(x.shape[1]))
        self._weights = self._covariance @ x.T @ y
        leverage = ((x @ self._covariance) * x).sum(axis=1)
        left_out = (y - x @ self._weights) / (1 - leverage)
        self.calibration = Calibration.of(left_out, np.sqrt(1 + leverage))
        return self

    @property
    def fitted(self) -> bool:
        """Whether it has learned anything."""
        return self.learned is not None

    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Posterior mean and scale (b,) of codes (b, v)."""
        if not self.fitted:
            raise NotEnoughLabels("the predictor has not been fitted")
        x = self._inputs(codes)
        return x @ self._weights, np.sqrt(1 + ((x @ self._covariance) * x).sum(axis=1))

    def _inputs(self, codes: Codes) -> Floats:
        """One-hot features with a constant, (b, f)."""
        found = features(self.space, codes, self.task, kinds=["onehot"]).astype(np.float64)
        return np.concatenate([found, np.ones((len(codes), 1))], axis=1)

    def to_bytes(self) -> bytes:
        """The labels as JSON: fitting them again takes less time than reading weights would."""
        if self.learned is None:
            raise NotEnoughLabels("the predictor has not been fitted")
        codes, values = self.learned
        body = {
            "format": FORMAT,
            "space": self.space.name,
            "task": self.task,
            "seed": self.seed,
            "codes": codes.tolist(),
            "values": values.tolist(),
        }
        return json.dumps(body, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            DamagedModel: for damaged bytes or another space's model.
        """
        try:
            body = json.loads(data)
            if body["format"] != FORMAT or body["space"] != space.name:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name}")
            codes = np.array(body["codes"], dtype=np.int8)
            return cls(space, task=body["task"], seed=body["seed"]).fit(codes, np.array(body["values"]))
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedModel(f"the bytes are no predictor of {space.name}: {error}") from error
