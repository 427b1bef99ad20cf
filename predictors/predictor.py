"""The abstract predictor. A new kind is one file and one line in ``tests/predictors/test_conformance.py``."""

import hashlib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from predictors import kinds
from predictors.prediction import Prediction
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

    kind: str
    """Name in the HTTP API: ``gbdt``, ``gp``, ``neural``, ``auto``; the module has the same name."""

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
        """The fitted model without pickle: XGBoost JSON or safetensors."""

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


_KINDS: dict[str, Callable[..., Predictor]] = {}


def register(cls: type[Predictor]) -> type[Predictor]:
    """Class decorator: makes a predictor known by its kind."""
    _KINDS[cls.kind] = cls
    return cls


def predictor_kind(name: str) -> Callable[..., Predictor]:
    """The class of a kind, from the module of its name: nobody pays for importing the others.

    Raises:
        KeyError: for an unknown kind.
    """
    if name not in _KINDS and name in {module.name for module in pkgutil.iter_modules(kinds.__path__)}:
        importlib.import_module(f"predictors.kinds.{name}")
    if name not in _KINDS:
        raise KeyError(f"unknown kind of predictor {name!r}")
    return _KINDS[name]
