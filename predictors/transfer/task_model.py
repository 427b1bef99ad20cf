r"""What is known of a task before anything was observed on it, from measured pairs of other tasks.

.. math:: m(t, a) = \mu + \ell(t) + f(a, \ell(t)), \qquad \ell(t) = w^\top v(t)

:math:`v(t)` is the task's vector (:mod:`encoders.tasks.set_encoder`), :math:`\ell` its level and :math:`f`
what an architecture brings to tasks of that level, linear between knots: what is best for a hard task is not
what is best for an easy one. More of the order than that is what :mod:`predictors.transfer.task_conditioned`
learns from a task's own observations.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import artifacts
from encoders.safetensors_about import about_of
from encoders.tasks.embedding import VERSION, TaskEmbedding
from encoders.tasks.set_encoder import LENGTHS, Neighbourhood, task_vector
from predictors.calibration.conformal import Calibration
from predictors.gaussian_processes.cell_kernel import correlations
from predictors.predictor import DamagedModel
from spaces.mixed_radix import index_of
from spaces.space import ENUMERABLE, Codes, Floats, Space

FORMAT = "netwright-task-model-4"


class OtherVersion(ValueError):
    """The task was embedded by another version of the encoder; embed it again."""


@dataclass(frozen=True)
class Scales:
    """Standard deviations in % of what the model leaves open, found on tasks held out.

    Args:
        level: of a task's level.
        cells: of what its cells do besides.
        noise: of one measurement.
    """

    level: float
    cells: float
    noise: float


@dataclass(frozen=True, eq=False)
class TaskModel:
    """The shipped part.

    Shapes:
        center, spread: (1283,), of task vectors
        level: (1283,) weights w of standardized task vectors
        knots: (k,) levels, rising
        cells: (m, k) weights over the inducing points, for tasks of each of these levels
        points: (m, f) inducing points
    """

    space: Space
    mean: float
    center: Floats
    spread: Floats
    level: Floats
    level_range: tuple[float, float]
    knots: Floats
    cells: Floats
    points: Floats
    scales: Scales
    near: Neighbourhood
    calibration: Calibration

    def prior(self, embedding: TaskEmbedding, codes: Codes) -> Floats:
        """m(t, a) for codes (b, v), (b,)."""
        level = self.level_of(embedding)
        brought = between(self.knots, self._brings(codes), np.full(len(codes), level))
        found: Floats = self.mean + level + brought
        return found

    def level_of(self, embedding: TaskEmbedding) -> float:
        """A task's level above the mean, not beyond those that were learned from."""
        return float(np.clip(self._vector(embedding) @ self.level, *self.level_range))

    def far(self, embedding: TaskEmbedding) -> list[str]:
        """Why a task is far from those learned from; empty where it is not."""
        return self.near.reasons(embedding.prototypes)

    def _vector(self, embedding: TaskEmbedding) -> Floats:
        if embedding.version != VERSION:
            raise OtherVersion(f"the task was embedded by {embedding.version}; this is {VERSION}")
        found: Floats = (task_vector(embedding.prototypes) - self.center) / self.spread
        return found

    def _brings(self, codes: Codes) -> Floats:
        """f of codes (b, v) at the knots, (b, k): from a table made on first use in a small space."""
        if self.space.size > ENUMERABLE:
            return np.asarray(correlations(self.space, codes, self.points) @ self.cells)
        return _table(self)[index_of(codes, self.space.variables)]

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        parts = {
            "centre": self.center,
            "spread": self.spread,
            "level": self.level,
            "knots": self.knots,
            "cells": self.cells,
            "near": np.stack([self.near.low, self.near.high]),
            "scores": self.calibration.scores,
        }
        about = {
            "format": FORMAT,
            "space": self.space.name,
            "version": VERSION,
            "lengths": LENGTHS,
            "mean": self.mean,
            "level_range": self.level_range,
            "scales": [self.scales.level, self.scales.cells, self.scales.noise],
            "labels": self.calibration.labels,
            "shapes": {name: part.shape for name, part in parts.items()},
        }
        numbers = np.concatenate([part.astype(np.float64).ravel() for part in parts.values()])
        # Arrays of one kind of number each: the library writes them in a fixed order.
        tensors = {"numbers": numbers, "points": np.ascontiguousarray(self.points, dtype=np.float32)}
        return save(tensors, {"about": json.dumps(about)})

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            DamagedModel: for damaged bytes, another space's or another encoder's.
        """
        try:
            tensors, about = load(data), about_of(data)
            numbers, points = tensors["numbers"], tensors["points"]
            expected = (FORMAT, space.name, VERSION, list(LENGTHS))
            if tuple(about[name] for name in ("format", "space", "version", "lengths")) != expected:
                raise DamagedModel(f"the bytes hold no {FORMAT} model of {space.name} for {VERSION}")
            parts, start = {}, 0
            for name, shape in about["shapes"].items():
                size = int(np.prod(shape))
                parts[name] = numbers[start : start + size].reshape(shape)
                start += size
            return cls(
                space,
                float(about["mean"]),
                parts["centre"],
                parts["spread"],
                parts["level"],
                (float(about["level_range"][0]), float(about["level_range"][1])),
                parts["knots"],
                parts["cells"],
                points.astype(np.float64),
                Scales(*(float(scale) for scale in about["scales"])),
                Neighbourhood(parts["near"][0], parts["near"][1]),
                Calibration(parts["scores"], int(about["labels"])),
            )
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no model of tasks: {error}") from error


def between(knots: Floats, predicted: Floats, levels: Floats) -> Floats:
    """Values at knots (k,) of b functions, (b, k), interpolated at a level of each, (b,), and constant
    beyond.

    >>> between(np.array([0.0, 2.0]), np.array([[5.0, 7.0], [5.0, 7.0]]), np.array([1.0, 9.0])).tolist()
    [6.0, 7.0]
    """
    if len(knots) == 1:
        return predicted[:, 0]
    rows, left = np.arange(len(predicted)), np.clip(np.searchsorted(knots, levels) - 1, 0, len(knots) - 2)
    share = np.clip((levels - knots[left]) / (knots[left + 1] - knots[left]), 0.0, 1.0)
    found: Floats = (1 - share) * predicted[rows, left] + share * predicted[rows, left + 1]
    return found


@lru_cache(maxsize=4)
def _table(model: TaskModel) -> Floats:
    """f of every combination of choices at the knots, (choices, k)."""
    codes = model.space.enumerate()
    choices = int(np.prod([len(v.choices) for v in model.space.variables]))
    found = np.zeros((choices, len(model.knots)))
    found[index_of(codes, model.space.variables)] = (
        correlations(model.space, codes, model.points) @ model.cells
    )
    return found


def path_of(space_name: str) -> Path:
    """Where the model of a space lies."""
    return artifacts.ROOT / "tasks" / f"{space_name}.safetensors"


def ships(space_name: str) -> bool:
    """Whether a model of tasks ships for a space."""
    return path_of(space_name).is_file()


@lru_cache(maxsize=4)
def load_task_model(space_name: str) -> TaskModel:
    """The shipped model of a space.

    Raises:
        KeyError: where none ships.
        DamagedModel: where its file is damaged.
    """
    from spaces.known import get_space

    if not ships(space_name):
        raise KeyError(f"no model of tasks ships for {space_name}")
    return TaskModel.from_bytes(path_of(space_name).read_bytes(), get_space(space_name))


@lru_cache(maxsize=4)
def digest(space_name: str) -> str:
    """``sha256:`` of a space's file."""
    return "sha256:" + hashlib.sha256(path_of(space_name).read_bytes()).hexdigest()
