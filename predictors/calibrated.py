"""The base of predictors that learn normal scores and calibrate on labels that they did not learn from."""

from abc import abstractmethod
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from predictors.calibration.conformal import Calibration
from predictors.calibration.normal_scores import NormalScores
from predictors.prediction import Prediction
from predictors.predictor import NotEnoughLabels, Predictor
from spaces.space import Codes, Floats, Space

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS /= _WEIGHTS.sum()

LEAST_STD = 1e-9
"""Of a normal score."""


class ScoredPredictor(Predictor):
    """Predicts mean and scale on the scale of normal scores; intervals are conformal.

    A subclass sets ``scores`` and ``calibration`` in ``fit`` and answers :meth:`scored`.
    """

    def __init__(self, space: Space, *, task: str | None = None, seed: int = 0) -> None:
        super().__init__(space, task=task, seed=seed)
        self.scores = NormalScores(np.zeros(1), np.zeros(1))
        self.calibration = Calibration(np.empty(0), 0)
        self.learned: tuple[Codes, Floats] | None = None
        """The labels, kept for :meth:`refine`; None before fit, and where the bytes do not hold them."""

    def refine(self, codes: Codes, values: Floats) -> Self:
        """Fits to the old labels and the new; see :class:`predictors.predictor.Predictor`."""
        return self.fit(*self.together(codes, values))

    def together(self, codes: Codes, values: Floats) -> tuple[Codes, Floats]:
        """The learned labels and the given ones, concatenated.

        Raises:
            NotEnoughLabels: where the learned labels were not stored.
        """
        values = np.asarray(values, dtype=np.float64)
        if len(values) != len(codes):
            raise ValueError(f"{len(codes)} architectures but {len(values)} labels")
        if self.learned is None:
            if self.fitted:
                raise NotEnoughLabels(
                    "the labels that the model learned were not kept; fit it to all of them"
                )
            return codes, values
        known_codes, known_values = self.learned
        return np.concatenate([known_codes, codes]), np.concatenate([known_values, values])

    @property
    @abstractmethod
    def fitted(self) -> bool:
        """Whether it has learned anything."""

    @abstractmethod
    def scored(self, codes: Codes) -> tuple[Floats, Floats]:
        """Mean and scale (b,) of codes (b, v) on the scale of scores.

        Raises:
            NotEnoughLabels: before it has been fitted.
        """

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Predictions for codes (b, v); the mean is the median of the predicted distribution."""
        mean, scale = self.scored(codes)
        found = self.calibration.prediction(mean, scale, confidence)
        middle = self.scores.inverse(mean)
        # Root mean square distance from the median, by Gauss–Hermite quadrature over the normal scores.
        distances = [self.scores.inverse(mean + node * found.std) - middle for node in _NODES]
        std = np.sqrt(sum(w * d**2 for w, d in zip(_WEIGHTS, distances, strict=True)))
        return Prediction(
            middle, std, self.scores.inverse(found.lower), self.scores.inverse(found.upper), confidence
        )

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound), (b,), of a normal distribution on the scale of scores."""
        mean, scale = self.scored(codes)
        score = self.scores.transform(np.array([bound]))[0]
        # Labels that lie on a line leave no error at all, and nothing must be divided by it.
        std = np.maximum(self.calibration.std_factor() * scale, LEAST_STD)
        probability: Floats = ndtr((score - mean) / std)
        return probability


def checked(space: Space, codes: Codes, values: Floats) -> Floats:
    """Labels as float64.

    Raises:
        ValueError: where they are not as many as the architectures, or these are of another space.
        NotEnoughLabels: for fewer than two, or one that is not finite.
    """
    labels: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    sizes = [len(variable.choices) for variable in space.variables]
    if codes.ndim != 2 or codes.shape[1] != len(sizes) or (codes < 0).any() or (codes >= sizes).any():
        raise ValueError(f"the codes are no architectures of {space.name}")
    if len(labels) != len(codes):
        raise ValueError(f"{len(codes)} architectures but {len(labels)} labels")
    if len(labels) < 2:
        raise NotEnoughLabels(f"{len(labels)} labels; at least two are needed")
    if not np.isfinite(labels).all():
        raise NotEnoughLabels("labels must be finite numbers")
    return labels
