r"""The prior of accuracy in HELP's task, from other data sets alone: CIFAR-10 and subsets of ImageNet.

The 4,630 trainings of the table of ImageNet subsets (MetaD2A; 1,553 cells, each on some of 3,031 tasks of
twenty classes at 32×32, what HELP's own accuracy predictor learned from) are explained as

.. math:: y = \beta_0 + \tfrac{1}{20}\sum_{k \in \mathrm{classes}} \beta_k + f(\mathrm{cell}) + \varepsilon

with ridge effects of the classes and boosted trees f, in turns. The trees see the cell's features and its
accuracies on CIFAR-10 in four precisions, so that they learn what of these carries over to other images.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.csv_table import Text
from benchmarks.tables import Tables
from spaces.known import get_space
from spaces.space import Bools, Codes, Floats

FILE = "nasbench201_imagenet_subset_tasks.csv.gz"
SPACE = "nasbench201"
KINDS = ("onehot", "path", "live", "counts", "statistics", "scores")
CIFAR10 = ("cifar10-fp32", "cifar10-int8-ptq", "cifar10-int8-qat", "cifar10-analog")
TURNS = 2
BAGS = 4
TREES = {"max_depth": 5, "eta": 0.05, "subsample": 0.6, "colsample_bynode": 0.3, "min_child_weight": 3}
ROUNDS = 150
RIDGE = 10.0
FAILED = 6.0
"""Points below the median from which a training counts as no worse: how badly it failed teaches little."""
SHARE = 0.5
"""Of the trees' rank in the prior; the rest is the cell's own rank on CIFAR-10."""


@lru_cache(maxsize=2)
def accuracy_prior(tables: Tables) -> Floats:
    """How good each cell is estimated to be, (15625,) in the order of their codes, in [0, 1]."""
    return SHARE * ranks(subsets_quality(tables)) + (1 - SHARE) * cifar10_quality(tables)


@lru_cache(maxsize=2)
def trainings(tables: Tables) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int64]]:
    """The table's cells (as places among all), accuracies, shares of the classes (n, c), and tasks.

    Raises:
        TableUnavailable: where it is not here.
    """
    from benchmarks.errors import TableUnavailable
    from benchmarks.packaged import read_file

    if tables.data_dir is None:
        raise TableUnavailable(f"no data directory is set (NETWRIGHT_DATA); it would hold {FILE}")
    text = Text(FILE, read_file(tables.data_dir / FILE, 16 * 2**20))
    space = get_space(SPACE)
    place = {row.tobytes(): index for index, row in enumerate(space.enumerate())}
    cells = [place[row.tobytes()] for row in space.parse_many(text.column("arch"))]
    named = [entry.split("|") for entry in text.column("classes")]
    column = {name: index for index, name in enumerate(sorted({name for names in named for name in names}))}
    classes = np.zeros((len(named), len(column)))
    for row, names in enumerate(named):
        classes[row, [column[name] for name in names]] = 1.0
    return np.array(cells), text.numbers("accuracy"), classes, text.numbers("task").astype(np.int64)


def subsets_quality(tables: Tables, learned: Bools | None = None) -> Floats:
    """f of every cell, (15625,), in points.

    Args:
        tables: measured truth.
        learned: which of the trainings (n,) it learns from; all unless said.
    """
    import xgboost as xgb

    cells, accuracy, classes, _ = trainings(tables)
    rows = np.arange(len(cells)) if learned is None else np.flatnonzero(learned)
    inputs = _inputs(tables)
    everyone = xgb.DMatrix(inputs)
    quality = np.zeros(len(inputs))
    for _ in range(TURNS):
        rest = accuracy[rows] - class_effects(classes, accuracy - quality[cells], rows)[rows]
        rest = np.maximum(rest - np.median(rest), -FAILED)
        data = xgb.DMatrix(inputs[cells[rows]], rest)
        bags = [
            xgb.train(TREES | {"nthread": 1, "seed": bag}, data, ROUNDS).predict(everyone)
            for bag in range(BAGS)
        ]
        quality = np.mean(bags, axis=0, dtype=np.float64)
    return quality


def class_effects(classes: Floats, rest: Floats, rows: NDArray[np.int64]) -> Floats:
    """The classes' part of each training, (n,): ridge regression of rest (n,) on those of ``rows``."""
    known = np.c_[classes, np.ones(len(classes))]
    penalty = np.diag(np.r_[np.full(classes.shape[1], RIDGE), 1e-6])
    learned = known[rows]
    weights = np.linalg.solve(learned.T @ learned + penalty, learned.T @ rest[rows])
    result: Floats = known @ weights
    return result


@lru_cache(maxsize=2)
def cifar10_quality(tables: Tables) -> Floats:
    """A cell's rank by its accuracy in AnalogNAS-Bench's full precision, (15625,).

    It is the mean over all cells that compute the same function, which takes most of the noise of trainings.
    """
    from encoders.proxies.table import classes

    space = get_space(SPACE)
    values = tables.values(SPACE, f"accuracy@{CIFAR10[0]}", space.enumerate())
    same = classes(space).rows
    return ranks((np.bincount(same, values) / np.bincount(same))[same])


@lru_cache(maxsize=2)
def _inputs(tables: Tables) -> NDArray[np.float32]:
    """What the trees see of every cell: features, CIFAR-10 accuracies, and the rank by them."""
    from encoders.features import features

    space = get_space(SPACE)
    codes: Codes = space.enumerate()
    accuracies = [tables.values(SPACE, f"accuracy@{task}", codes) for task in CIFAR10]
    columns = np.stack([*accuracies, cifar10_quality(tables)], axis=1).astype(np.float32)
    return np.concatenate([features(space, codes, kinds=KINDS), columns], axis=1)


def ranks(values: Floats) -> Floats:
    """Ranks in [0, 1), (b,)."""
    result: Floats = np.argsort(np.argsort(values, kind="stable"), kind="stable") / len(values)
    return result
