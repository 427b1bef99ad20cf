r"""What other graph data sets tell of one: a smooth function of each, weighted by how alike they are.

A data set is described by its published statistics; the weight of another one is
:math:`\exp(-\lVert s - s' \rVert^2 / (2\ell^2))` of standardized ones. Each function is a ridge regression
of all of a data set's normal scores over landmarks (:mod:`predictors.cell_kernel`), a column of weights each;
the column of the data set itself never takes part.
"""

import json
from functools import lru_cache

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

import artifacts
from encoders.safetensors_about import about_of
from predictors.cell_kernel import correlations
from predictors.predictor import DamagedModel
from spaces.space import Codes, Floats, Space

SPACE = "gnn"
FORMAT = "netwright-graph-tasks-1"
LANDMARKS = 1200
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


def sources_of(space: Space, task: str | None) -> tuple[str, ...]:
    """The other data sets whose predictors ship; none outside graph networks."""
    if space.name != "gnn" or task not in STATISTICS:
        return ()
    return tuple(name for name in _weights()[0] if name != task)


def likeness(task: str, sources: tuple[str, ...]) -> Floats:
    """Weights (s,) of sources, which sum to 1.

    >>> likeness("cora", ("citeseer", "proteins")).round(2).tolist()
    [1.0, 0.0]
    """
    told = np.array(
        [
            [np.log(nodes), np.log(2 * edges / nodes), np.log(features), np.log(classes), alike]
            for nodes, edges, features, classes, alike in STATISTICS.values()
        ]
    )
    told = (told - told.mean(axis=0)) / told.std(axis=0)
    rows = dict(zip(STATISTICS, told, strict=True))
    squared = np.array([((rows[task] - rows[name]) ** 2).sum() for name in sources])
    weights = np.exp(-squared / (2 * LENGTH**2))
    result: Floats = weights / weights.sum()
    return result


@lru_cache(maxsize=4)
def told_by_others(space: Space, task: str, codes: bytes) -> Floats:
    """What the sources say of codes (b, v), given as bytes, each standardized, (b, s)."""
    members: Codes = np.frombuffer(codes, dtype=np.int8).reshape(-1, len(space.variables))
    names, weights = _weights()
    columns = [names.index(source) for source in sources_of(space, task)]
    told = correlations(space, members, LANDMARKS) @ weights[:, columns]
    result: Floats = (told - told.mean(axis=0)) / told.std(axis=0)
    return result


def to_bytes(names: tuple[str, ...], weights: Floats) -> bytes:
    """A safetensors file of weights (m, t) of data sets."""
    about = {"format": FORMAT, "space": SPACE, "names": names, "landmarks": LANDMARKS}
    return save({"weights": weights}, {"about": json.dumps(about)})


@lru_cache(maxsize=1)
def _weights() -> tuple[tuple[str, ...], Floats]:
    """The data sets that ship, and their weights (m, t); none where none do.

    Raises:
        DamagedModel: where the file is damaged.
    """
    path = artifacts.ROOT / "tasks" / f"{SPACE}.safetensors"
    if not path.is_file():
        return (), np.empty((LANDMARKS, 0))
    try:
        data = path.read_bytes()
        weights, about = load(data)["weights"], about_of(data)
        names = tuple(about["names"])
        if (about["format"], about["landmarks"]) != (FORMAT, LANDMARKS) or set(names) - STATISTICS.keys():
            raise DamagedModel(f"{path.name} holds no {FORMAT}")
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise DamagedModel(f"{path.name} cannot be read: {error}") from error
    return names, weights
