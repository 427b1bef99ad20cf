"""The abstract predictor.

A new kind is one file in ``predictors/kinds``, or in a package that you install (``docs/extending.md``), and
one line of test.
"""

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar, Protocol, Self, runtime_checkable

from predictors.prediction import Prediction
from spaces.metric import Quantity
from spaces.space import Codes, Floats, Space


class NotEnoughLabels(ValueError):
    """Too few labels, or labels that cannot be learned from; not worth a retry with the same labels."""


class DamagedModel(ValueError):
    """The bytes are no model of this space; not worth a retry, train or fetch it again."""


class Predictor(ABC):
    """Predicts one quantity in one space.

    Args:
        space: what the codes mean.
        task: passed to ``space.statistics`` where the space's cost depends on it.
        seed: every random choice follows from it.
    """

    kind: ClassVar[str]
    """What requests call it; its module has the same name."""
    most_labels: ClassVar[int] = 2_000
    """Labels that it learns from at most; by default as many as it can invert a matrix of."""
    inline_labels: ClassVar[int] = 0
    """Labels in all up to which :meth:`refine` takes about a second, so that a request can wait for it."""
    needs_source: ClassVar[bool] = False
    """Whether it starts from a predictor of another task, which the constructor takes as ``source``."""

    @classmethod
    def why_not(cls, space: Space, quantity: Quantity) -> tuple[str, str] | None:
        """Why it cannot be trained to predict a quantity, and a hint; None where it can. Loads no torch."""
        return None

    def __init__(self, space: Space, *, task: str | None = None, seed: int = 0) -> None:
        self.space = space
        self.task = task
        self.seed = seed

    @abstractmethod
    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from labels; what was learned before is forgotten.

        Shapes:
            codes: (b, v)
            values: (b,), finite
        Raises:
            NotEnoughLabels: for fewer than two labels, or labels that are not finite.
        """

    @abstractmethod
    def refine(self, codes: Codes, values: Floats) -> Self:
        """Learns further labels on top of those of :meth:`fit`; cheaper than learning anew, where it can be.

        Before any fit it is one. One further label is enough.

        Shapes:
            codes: (b, v)
            values: (b,), finite
        Raises:
            NotEnoughLabels: for labels that are not finite, or where a model read from bytes does not hold
                the labels it learned and cannot do without.
        """

    @abstractmethod
    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Predictions for codes (b, v), intervals at the asked confidence."""

    @abstractmethod
    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound) for codes (b, v), (b,)."""

    @abstractmethod
    def to_bytes(self) -> bytes:
        """The fitted model with its seed, without pickle: JSON, XGBoost's JSON or safetensors.

        Weights are named by their content, and every predictor has a seed of its own: so no two share them,
        and deleting one leaves the others whole.
        """

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            DamagedModel: for damaged bytes or another space's model.
        """

    def digest(self) -> str:
        """Names the fitted model: ``sha256:`` of its bytes."""
        return "sha256:" + hashlib.sha256(self.to_bytes()).hexdigest()


@runtime_checkable
class FitsAnew(Protocol):
    """A predictor whose refinement is a whole fit now and then."""

    def fits_anew(self, more: int) -> bool:
        """Whether refining with so many labels more is one: too long for a request to wait for."""


@runtime_checkable
class Extrapolates(Protocol):
    """A predictor that knows whether it is asked about a task far from those that it learned from."""

    extrapolated: bool
    """Whether it is; its ranking is a guess then, and it gives no interval."""


def fits_anew(model: Predictor, more: int) -> bool:
    """Whether refining a model with so many labels more is a whole fit, as far as it knows."""
    return isinstance(model, FitsAnew) and model.fits_anew(more)


def extrapolates(model: Predictor) -> bool:
    """Whether all that a model predicts is far from what it learned from, as far as it knows."""
    return isinstance(model, Extrapolates) and model.extrapolated
