"""The predictors that ship: loaded once a process, named by the SHA-256 of their files."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import artifacts
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, Predictor
from spaces.metric import METRICS, Quantity
from spaces.space import Codes, get_space

EXACT = "exact"


class NoModel(KeyError):
    """No shipped model predicts the quantity; not worth a retry. The message names those that there are."""

    def __init__(self, space: str, key: str) -> None:
        super().__init__(key)
        self.key = key
        self.known = quantities(space)

    def __str__(self) -> str:
        return f"no model predicts {self.key}; known are {', '.join(self.known)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Predictions of several quantities.

    Args:
        predictions: quantity key → prediction; an exact one has std 0 and an interval of no width.
        models: quantity key → ``sha256:…`` of the model, or ``exact``.
    """

    predictions: dict[str, Prediction]
    models: dict[str, str]


def path_of(space: str, key: str) -> Path:
    """Where the model of a quantity lies."""
    return artifacts.ROOT / "predictors" / space / f"{key}.json"


def quantities(space: str) -> list[str]:
    """Keys of the quantities with a shipped model."""
    return sorted(path.stem for path in (artifacts.ROOT / "predictors" / space).glob("*.json"))


@lru_cache(maxsize=256)
def load(space: str, key: str) -> Predictor:
    """The shipped model of a quantity.

    Raises:
        NoModel: where none ships.
        DamagedModel: where its file is damaged.
    """
    from predictors.gbdt import GbdtPredictor

    path = path_of(space, key)
    if key not in quantities(space):
        raise NoModel(space, key)
    try:
        return GbdtPredictor.from_bytes(path.read_bytes(), get_space(space))
    except OSError as error:
        raise DamagedModel(f"{path.name} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=256)
def digest(space: str, key: str) -> str:
    """``sha256:`` of a model's file."""
    return "sha256:" + hashlib.sha256(path_of(space, key).read_bytes()).hexdigest()


def predict(
    space_name: str,
    wanted: Sequence[Quantity],
    codes: Codes,
    *,
    task: str | None = None,
    kind: str = "auto",
    confidence: float = 0.9,
) -> Answer:
    """Predictions of quantities for codes (b, v); what the space computes exactly is computed.

    Args:
        space_name: the space.
        wanted: quantities.
        codes: (b, v), canonical.
        task: whose class count exact costs are for, where a quantity does not carry its own task.
        kind: ``auto`` or ``gbdt``.
        confidence: of the intervals.

    Raises:
        NoModel: for a quantity without a model.
    """
    space = get_space(space_name)
    predictions: dict[str, Prediction] = {}
    models: dict[str, str] = {}
    for quantity in wanted:
        if quantity.device is None and quantity.metric in space.statistics_names:
            values = space.statistics(codes, quantity.task or task)[quantity.metric]
            predictions[quantity.key] = Prediction(values, 0 * values, values, values, confidence)
            models[quantity.key] = EXACT
        else:
            prediction = load(space_name, quantity.key).predict(codes, confidence)
            predictions[quantity.key] = prediction.within(*METRICS[quantity.metric].range)
            models[quantity.key] = digest(space_name, quantity.key)
    return Answer(predictions, models)
