"""The predictors that ship: loaded once a process, named by the SHA-256 of their files.

A folder a space; ``accuracy@cifar10.json`` is the ``gbdt`` of a quantity, ``accuracy@cifar10.gp.safetensors``
would be its ``gp``. ``support.json`` says what the labels of each quantity covered.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import artifacts
from predictors.calibration.support import Support
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, Predictor
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.space import Bools, Codes, Space

EXACT = "exact"
BY_DEFAULT = ("auto", "gbdt", "gp", "neural")
"""Which kind ``auto`` takes where several ship, the first that is there."""
SUPPORT_FILE = "support.json"


class NoModel(KeyError):
    """No shipped model of the kind predicts the quantity; never retry; the message says what there is."""

    def __init__(self, space: str, key: str, kind: str = "auto") -> None:
        super().__init__(key)
        self.key = key
        self.kind = kind
        self.known = quantities(space)
        self.kinds = kinds_of(space, key)

    def __str__(self) -> str:
        if self.kinds:
            return f"no {self.kind} model predicts {self.key}; there is {', '.join(self.kinds)}"
        return f"no model predicts {self.key}; known are {', '.join(self.known)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Predictions of several quantities.

    Args:
        predictions: quantity key → prediction; an exact one has std 0 and an interval of no width.
        models: quantity key → ``sha256:…`` of the model, or ``exact``.
        extrapolated: quantity key → (b,), which architectures lie outside what the model's labels covered;
            no interval is promised there.
    """

    predictions: dict[str, Prediction]
    models: dict[str, str]
    extrapolated: dict[str, Bools]


def _files(space: str) -> dict[tuple[str, str], Path]:
    """The models of a space: quantity and kind → file."""
    found = {}
    for path in sorted((artifacts.ROOT / "predictors" / space).glob("*@*")):
        if path.suffix in (".json", ".safetensors"):
            key, _, kind = path.stem.partition(".")
            found[key, kind or "gbdt"] = path
    return found


def path_of(space: str, key: str, kind: str = "gbdt") -> Path:
    """Where a model of a quantity lies.

    Raises:
        NoModel: where none ships.
    """
    files = _files(space)
    if (key, kind) not in files:
        raise NoModel(space, key, kind)
    return files[key, kind]


def quantities(space: str) -> list[str]:
    """Keys of the quantities with a shipped model."""
    return sorted({key for key, _ in _files(space)})


def kinds_of(space: str, key: str) -> list[str]:
    """The kinds in which a quantity's model ships."""
    return [kind for known, kind in _files(space) if known == key]


@lru_cache(maxsize=1024)
def chosen_kind(space: str, key: str, kind: str = "auto") -> str:
    """The kind that answers where ``kind`` is asked for.

    Raises:
        NoModel: where none ships.
    """
    there = kinds_of(space, key)
    for candidate in BY_DEFAULT if kind == "auto" else (kind,):
        if candidate in there:
            return candidate
    raise NoModel(space, key, kind)


@lru_cache(maxsize=256)
def load(space: str, key: str, kind: str = "auto") -> Predictor:
    """The shipped model of a quantity.

    Raises:
        NoModel: where none ships.
        DamagedModel: where its file is damaged.
    """
    from predictors.training.observations import read_predictor

    chosen = chosen_kind(space, key, kind)
    path = path_of(space, key, chosen)
    try:
        return read_predictor(chosen, path.read_bytes(), get_space(space))
    except OSError as error:
        raise DamagedModel(f"{path.name} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=256)
def digest(space: str, key: str, kind: str = "auto") -> str:
    """``sha256:`` of a model's file."""
    path = path_of(space, key, chosen_kind(space, key, kind))
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@lru_cache(maxsize=256)
def support(space: str, key: str) -> Support:
    """What the labels of a shipped model covered.

    Raises:
        DamagedModel: where nothing is said of it.
    """
    path = artifacts.ROOT / "predictors" / space / SUPPORT_FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))[key]
        known = get_space(space)
        return Support.from_dict(content, known, _task(known, key))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedModel(f"{path.name} of {space} says nothing of {key}: {error!r}") from error


def predict(
    space_name: str,
    wanted: Sequence[Quantity],
    codes: Codes,
    *,
    network: NetworkConfig | None = None,
    kind: str = "auto",
    confidence: float = 0.9,
) -> Answer:
    """Predictions of quantities for codes (b, v); what the space computes exactly is computed.

    Args:
        space_name: the space.
        wanted: quantities.
        codes: (b, v), canonical.
        network: whose exact costs, where a quantity does not carry its own task; None: the space's own.
        kind: ``auto`` or one that ships.
        confidence: of the intervals.

    Raises:
        NoModel: for a quantity without a model.
    """
    space = get_space(space_name)
    answer = Answer({}, {}, {})
    for quantity in wanted:
        key = quantity.key
        if is_exact(space, quantity):
            of = network if network is not None and quantity.task is None else None
            values = space.costs(codes, of or space.network_config(quantity.task))[quantity.metric]
            answer.predictions[key] = Prediction(values, 0 * values, values, values, confidence)
            answer.models[key], answer.extrapolated[key] = EXACT, np.zeros(len(codes), dtype=bool)
        else:
            outside = support(space_name, key).outside(codes)
            predicted = load(space_name, key, kind).predict(codes, confidence)
            answer.predictions[key] = bounded(predicted, quantity, outside)
            answer.models[key], answer.extrapolated[key] = digest(space_name, key, kind), outside
    return answer


def is_exact(space: Space, quantity: Quantity) -> bool:
    """Whether a quantity is computed and not predicted."""
    return quantity.device is None and quantity.metric in space.statistics_names


def bounded(predicted: Prediction, quantity: Quantity, outside: Bools) -> Prediction:
    """A prediction cut to what the quantity can be, without bounds where the labels did not cover (b,)."""
    cut = predicted.within(*quantity.definition.range)
    lower, upper = (np.where(outside, np.nan, bound) for bound in (cut.lower, cut.upper))
    return Prediction(cut.mean, cut.std, lower, upper, cut.confidence)


def _task(space: Space, key: str) -> str | None:
    """The task in a quantity's key, which comes last."""
    last = key.split("@")[-1]
    return last if last in space.tasks else None
