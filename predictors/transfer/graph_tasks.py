r"""Models of other graph data sets: smooth functions of each, weighted by similarity.

A data set is described by its published statistics; the weight of another one is
:math:`\exp(-\lVert s - s' \rVert^2 / (2\ell^2))` of standardized ones. It has two readings, its test
and its validation scores. The function of a reading is a ridge regression of normal scores over inducing
points (:mod:`predictors.gaussian_processes.inducing`), learned from :data:`SHARE` of its architectures, of
mean 0 and standard deviation 1 over the space. It sees positional features of the graph
(``encoders/training_free/positional.py``). The columns of the data set itself never take part.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

import artifacts
from encoders.features import feature_names, features
from encoders.safetensors_about import about_of
from predictors.gaussian_processes.feature_groups import standard_of
from predictors.gaussian_processes.matern import matern
from predictors.predictor import DamagedModel
from spaces.space import Codes, Floats, Space

SPACE = "gnn"
FORMAT = "netwright-graph-tasks-3"
POINTS = 1024
"""Inducing points, at most."""
DRAWN = 20_000
"""Uniform draws whose features they are centers of."""
SHARE = 0.5
"""Of a table's architectures, drawn at random: the others say whether a table can be read back."""
SMALLEST = 4000
"""A data set with fewer measured architectures teaches others nothing: one reads its rows back from them."""
READINGS = ("", "-valid")
"""Suffixes of a data set's tasks: its test and its validation accuracy."""
LENGTHS = {"count": 2.2, "depth": 0.8, "last": 1.0, "after": 1.0, "shape": 0.65}
"""The log lengthscale of each family of features."""
STATISTICS: dict[str, tuple[int, int, int, int, float]] = {
    "cora": (2708, 5278, 1433, 7, 0.81),
    "citeseer": (3327, 4552, 3703, 6, 0.74),
    "pubmed": (19717, 44324, 500, 3, 0.80),
    "cs": (18333, 81894, 6805, 15, 0.81),
    "physics": (34493, 247962, 8415, 5, 0.93),
    "photo": (7650, 119081, 745, 8, 0.83),
    "computers": (13752, 245861, 767, 10, 0.78),
    "arxiv": (169343, 1166243, 128, 40, 0.65),
    "proteins": (132534, 39561252, 8, 112, 0.66),
}
"""Nodes, edges, features, classes (of proteins its binary labels), edge homophily, as published."""
LENGTH = 1.6
_REFERENCE = 2000
_CHUNK = 2048


def sources_of(space: Space, task: str | None) -> tuple[str, ...]:
    """The other data sets whose predictors ship; none outside graph networks."""
    if space.name != "gnn" or task not in STATISTICS:
        return ()
    return tuple(name for name in shipped().names if name != task)


def likeness(task: str, sources: tuple[str, ...]) -> Floats:
    """Weights (s,) of sources, which sum to 1.

    >>> likeness("cora", ("citeseer", "proteins")).round(2).tolist()
    [1.0, 0.0]
    """
    statistics = np.array(
        [
            [np.log(nodes), np.log(2 * edges / nodes), np.log(features), np.log(classes), alike]
            for nodes, edges, features, classes, alike in STATISTICS.values()
        ]
    )
    statistics = (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)
    rows = dict(zip(STATISTICS, statistics, strict=True))
    squared = np.array([((rows[task] - rows[name]) ** 2).sum() for name in sources])
    weights = np.exp(-squared / (2 * LENGTH**2))
    result: Floats = weights / weights.sum()
    return result


def looks(space: Space, codes: Codes) -> Floats:
    """Features (b, f) of codes (b, v), each family divided by its lengthscale."""
    center, scale = _standard(space)
    result: Floats = (features(space, codes, kinds=("positional",)) - center) / scale
    return result


@lru_cache(maxsize=2)
def features_of_all(space: Space) -> Floats:
    """:func:`looks` (n, f) of all architectures."""
    return looks(space, space.enumerate())


def correlations(space: Space, points: Floats) -> Iterator[Floats]:
    """Of all architectures with points (m, f), (c, m) at a time: together they are some hundred megabytes."""
    known = features_of_all(space)
    for start in range(0, len(known), _CHUNK):
        yield matern(known[start : start + _CHUNK], points)


def predicted_by_others(space: Space, task: str) -> Floats:
    """What all readings of :func:`sources_of` say of all architectures, (n, s·r), a data set's side by
    side."""
    names = shipped().names
    chosen = [names.index(source) for source in sources_of(space, task)]
    predicted = _predictions(space).reshape(-1, len(names), len(READINGS))[:, chosen]
    return predicted.reshape(len(predicted), -1)


@dataclass(frozen=True, eq=False)
class Readings:
    """What ships.

    Shapes:
        points: (m, f), inducing points
        weights: (m, t·r), of all readings of data sets, a data set's side by side
        centers: (t·r,), what is taken off
    """

    names: tuple[str, ...]
    points: Floats
    weights: Floats
    centers: Floats

    def to_bytes(self) -> bytes:
        """A safetensors file.

        What is not contiguous would be written in the order of its memory.
        """
        about = {"format": FORMAT, "space": SPACE, "names": self.names}
        tensors: dict[str, NDArray[np.generic]] = {
            "points": np.ascontiguousarray(self.points, dtype=np.float32),
            "weights": np.ascontiguousarray(self.weights),
            "centers": np.ascontiguousarray(self.centers),
        }
        return save(tensors, {"about": json.dumps(about)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            DamagedModel: for anything else.
        """
        try:
            tensors, about = load(data), about_of(data)
            names, weights, centers = tuple(about["names"]), tensors["weights"], tensors["centers"]
            points = tensors["points"].astype(np.float64)
            columns = len(READINGS) * len(names)
            if (
                about["format"] != FORMAT
                or set(names) - STATISTICS.keys()
                or (weights.shape, centers.shape) != ((len(points), columns), (columns,))
            ):
                raise DamagedModel(f"the bytes hold no {FORMAT}")
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, DamagedModel):
                raise
            raise DamagedModel(f"the bytes are no functions of graph data sets: {error}") from error
        return cls(names, points, weights, centers)

    def predict(self, space: Space) -> Floats:
        """Predictions of all readings for all architectures, (n, t·r)."""
        parts = [part @ self.weights for part in correlations(space, self.points)]
        result: Floats = np.concatenate(parts) - self.centers
        return result


@lru_cache(maxsize=2)
def _standard(space: Space) -> tuple[Floats, Floats]:
    """Center and scale (f,) of the features."""
    x = features(space, space.sample(_REFERENCE, np.random.default_rng(0)), kinds=("positional",))
    families = np.array([name.partition(":")[0] for name in feature_names(space, ("positional",))])
    center, scale = np.empty(x.shape[1]), np.empty(x.shape[1])
    for family, length in LENGTHS.items():
        own = families == family
        center[own], scale[own] = standard_of(x[:, own].astype(np.float64))
        scale[own] *= np.exp(length)
    return center, scale


@lru_cache(maxsize=2)
def _predictions(space: Space) -> Floats:
    """Predictions of all readings for all architectures, (n, t·r)."""
    return shipped().predict(space)


@lru_cache(maxsize=1)
def shipped() -> Readings:
    """The functions that ship; of no data set where none do.

    Raises:
        DamagedModel: where the file is damaged.
    """
    path = artifacts.ROOT / "tasks" / f"{SPACE}.safetensors"
    if not path.is_file():
        return Readings((), np.empty((0, 0)), np.empty((0, 0)), np.empty(0))
    return Readings.from_bytes(path.read_bytes())
