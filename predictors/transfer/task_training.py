r"""Learns a :class:`.TaskModel` from measured pairs of a task and an architecture.

First the levels of tasks, by one Bayesian linear regression in the task's vector and an architecture's
Nyström features, where the pairs of one task share an error: their covariance is
:math:`\sigma^2 I + \tau^2 \mathbf{1}\mathbf{1}^\top`. Then what cells bring to tasks of a level: boosted
trees on what the levels of tasks, each from a regression without it, leave, the level among what they see;
how badly a cell failed is cut off, as it teaches little of good ones. What the trees say of a cell at a few
levels comes from trees that saw no pair of a cell of its function, and is written over inducing points, which
smooths it: so what ships says no more of the cells it was trained on than of others. Evaluated, and its
scales found, by leaving whole tasks out.

Notation: n pairs, t tasks, p features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import spearmanr

from benchmarks.task_pairs import TaskPairs
from encoders.features import features
from encoders.proxies.table import classes, smallest
from encoders.tasks.embedding import WIDTH, Prototypes
from encoders.tasks.set_encoder import Neighbourhood, surroundings, task_vector
from predictors.calibration.conformal import Calibration
from predictors.gaussian_processes.cell_kernel import correlations, roots, scaled
from predictors.gaussian_processes.inducing import inducing_points
from predictors.gaussian_processes.matern import matern
from predictors.transfer.task_model import Scales, TaskModel, between
from spaces.space import Floats, Space

NOISE = 6.0
"""Variance of a measurement and of what the features cannot explain."""
TASK_NOISE = 2.0
"""Variance that the pairs of one task share."""
LEVEL = 0.4
"""Prior variance of a weight of the mean prototype; of a similarity it is five times that."""
CELLS = 25.0
"""Prior variance of what a cell brings, while levels are learned."""
FOLDS = 5
FAILED = 6.0
"""Points below the median from which a training counts as no worse."""
KINDS = ("live", "structure", "reduced", "scores")
"""Features that the trees see."""
TREES = {"max_depth": 5, "eta": 0.05, "subsample": 0.6, "colsample_bynode": 0.3, "min_child_weight": 3}
ROUNDS = 150
PARTS = 5
"""Of the functions, each said of by trees that saw the other parts."""
BAGS = 2
"""Ensembles of trees for each part."""
KNOTS = 7
"""Levels at which the trees' function is written down."""
TAIL = 0.02
"""Of the pairs on either side whose levels are beyond the knots."""
LEFT_OUT = 10
"""Parts of the functions that are left out, one at a time, to see what ships says of cells it never saw."""
SMOOTHING = 1e-3
"""Of the trees' function over the inducing points."""
DRAWN = 8000
"""Uniform draws whose features the inducing points are centers of."""


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What is learned.

    Args:
        points: inducing points, at most.
        embedding: whether a task's vector is looked at.
    """

    points: int = 512
    embedding: bool = True


class TaskTraining:
    """The regression's sums, by fold, so that tasks are left out at the cost of a solution.

    Args:
        space: of the pairs.
        pairs: what was measured.
        prototypes: of each task.
        options: what is learned.
        seed: draws the folds.
    """

    def __init__(
        self,
        space: Space,
        pairs: TaskPairs,
        prototypes: Sequence[Prototypes],
        options: TaskOptions | None = None,
        *,
        seed: int = 0,
    ) -> None:
        self.space, self.pairs, self.options = space, pairs, options or TaskOptions()
        self.prototypes = prototypes
        vectors = np.stack([task_vector(each) for each in prototypes])  # (t, 1283)
        self.center = vectors.mean(axis=0)
        spread = vectors.std(axis=0)
        spread[:WIDTH] = np.sqrt((spread[:WIDTH] ** 2).mean())
        self.spread = spread
        self.vectors = (vectors - self.center) / spread
        self._rng = np.random.default_rng(seed)
        self.folds = self._rng.permutation(len(prototypes)) % FOLDS
        self.mean = float(pairs.values.mean())
        drawn = space.sample(DRAWN, np.random.default_rng(0))
        self.points = inducing_points(scaled(space, drawn), self.options.points)
        places = {row.tobytes(): place for place, row in enumerate(classes(space).codes)}
        self._function = np.array([places[row.tobytes()] for row in smallest(space, pairs.codes)])
        self._solver: tuple[Floats, tuple[Floats, bool]] | None = None
        self._features = self._design()
        sums = [self._sums(self.folds[pairs.tasks] == fold) for fold in range(FOLDS)]
        self._gram = np.stack([gram for gram, _ in sums])
        self._right = np.stack([right for _, right in sums])

    def levels(self, without: frozenset[int] = frozenset()) -> Floats:
        """Weights (1283,) of the tasks' levels, from all folds but some."""
        width = self.vectors.shape[1]
        if not self.options.embedding:
            return np.zeros(width)
        kept = [fold for fold in range(FOLDS) if fold not in without]
        gram = self._gram[kept].sum(axis=0) + np.eye(self._gram.shape[1])
        found = cho_solve(cho_factor(gram, overwrite_a=True), self._right[kept].sum(axis=0))
        weights: Floats = found[:width] * self._level_scale()
        return weights

    def cells(self, without: frozenset[int] = frozenset()) -> tuple[Floats, Floats]:
        """Levels (k,), and what each function of the space brings to tasks of these, (c, k).

        Functions are in the order of :func:`encoders.proxies.table.classes`.
        """
        predicted, rest = self._left(without)
        rows = np.isfinite(rest)
        return self._brought(rows, predicted, rest)

    def read_back(self) -> tuple[float, float]:
        """How well the pairs' accuracies are read back from what ships: Spearman of the model itself, and of
        models that saw no pair of the cell's function. Both know a task by models of tasks in other folds.
        """
        predicted, rest = self._left(frozenset())
        correlated = correlations(self.space, self.pairs.codes, self.points)

        def said(rows: NDArray[np.bool_]) -> Floats:
            knots, brought = self._brought(rows, predicted, rest)
            return between(knots, correlated @ self._over_points(brought), predicted)

        inside, outside = said(np.isfinite(rest)), np.empty(len(rest))
        part_of = np.random.default_rng(1).permutation(len(classes(self.space).codes)) % LEFT_OUT
        for part in range(LEFT_OUT):
            unseen = part_of[self._function] == part
            outside[unseen] = said(~unseen)[unseen]
        values = self.pairs.values
        found = [float(spearmanr(predicted + brought, values).statistic) for brought in (inside, outside)]
        return found[0], found[1]

    def _left(self, without: frozenset[int]) -> tuple[Floats, Floats]:
        """Levels (n,) of the pairs' tasks, each by a regression without its fold, and what they leave (n,);
        NaN in the folds that are left out.
        """
        fold_of = self.folds[self.pairs.tasks]
        predicted, rest = np.full((2, len(fold_of)), np.nan)
        for fold in set(range(FOLDS)) - without:
            rows = fold_of == fold
            level = self.vectors @ self.levels(without | {fold})
            predicted[rows] = level[self.pairs.tasks[rows]]
            rest[rows] = self.pairs.values[rows] - self.mean - predicted[rows]
        return predicted, rest

    def _brought(self, rows: NDArray[np.bool_], predicted: Floats, rest: Floats) -> tuple[Floats, Floats]:
        """Levels (k,), and what functions bring at these, (c, k), from some of the pairs (n,)."""
        predicted, rest = predicted[rows], rest[rows]
        rest = np.maximum(rest, np.median(rest) - FAILED)
        knots = np.unique(np.quantile(predicted, np.linspace(TAIL, 1 - TAIL, KNOTS)))
        return knots, self._trees(self._function[rows], predicted, rest, knots)

    def held_out(self) -> Floats:
        """Predictions (n,) of each pair by what was learned without its task's fold."""
        predicted = np.empty(len(self.pairs.values))
        correlated = correlations(self.space, self.pairs.codes, self.points)
        for fold in range(FOLDS):
            rows = self.folds[self.pairs.tasks] == fold
            without = frozenset((fold,))
            knots, brought = self.cells(without)
            level = (self.vectors @ self.levels(without))[self.pairs.tasks[rows]]
            fitted = correlated[rows] @ self._over_points(brought)
            predicted[rows] = self.mean + level + between(knots, fitted, level)
        return predicted

    def model(self, held_out: Floats) -> TaskModel:
        """The model of all pairs, its scales from predictions of held-out ones (n,)."""
        level = self.levels()
        predicted = self.vectors @ level
        knots, brought = self.cells()
        residuals = self.pairs.values - held_out
        scales = self._scales(residuals)
        total = np.sqrt(scales.level**2 + scales.cells**2 + scales.noise**2)
        # Tasks are exchangeable, the pairs of one are not: one of each is evaluated.
        evaluated = self._rng.permutation(len(residuals))
        evaluated = evaluated[np.unique(self.pairs.tasks[evaluated], return_index=True)[1]]
        return TaskModel(
            self.space,
            self.mean,
            self.center,
            self.spread,
            level,
            (float(predicted.min()), float(predicted.max())),
            knots,
            self._over_points(brought),
            self.points,
            scales,
            Neighbourhood.of(np.stack([surroundings(each) for each in self.prototypes])),
            Calibration.of(residuals[evaluated], np.full(len(evaluated), total)).thinned(),
        )

    def _trees(self, function: NDArray[np.int64], levels: Floats, rest: Floats, knots: Floats) -> Floats:
        """What bagged trees say at knots (k,) of each function, (c, k), learned from some functions (m,),
        levels (m,) and what these leave (m,); of those learned from, by trees that did not see them.
        """
        import xgboost as xgb

        looks = features(self.space, classes(self.space).codes, kinds=KINDS)

        def seen(rows: NDArray[np.int64], of: Floats) -> Floats:
            return np.concatenate([looks[rows], of[:, None]], axis=1)

        every = np.arange(len(looks))
        part_of = np.random.default_rng(0).permutation(len(looks)) % PARTS
        inputs = seen(function, levels)
        grid = [xgb.DMatrix(seen(every, np.full(len(every), knot))) for knot in knots]
        found = np.zeros((PARTS, len(every), len(knots)))
        for part in range(PARTS):
            rows = part_of[function] != part
            data = xgb.DMatrix(inputs[rows], rest[rows])
            for bag in range(BAGS):
                trees = xgb.train(TREES | {"nthread": 1, "seed": BAGS * part + bag}, data, ROUNDS)
                found[part] += np.stack([trees.predict(each) for each in grid], axis=1) / BAGS
        predicted: Floats = found.mean(axis=0)
        learned = np.unique(function)
        predicted[learned] = found[part_of[learned], learned]
        return predicted

    def _over_points(self, values: Floats) -> Floats:
        """Weights (m, k) over the inducing points that give values (c, k) of functions, smoothed."""
        if self._solver is None:
            known = correlations(self.space, classes(self.space).codes, self.points)
            penalty = SMOOTHING * matern(self.points, self.points) + 1e-8 * np.eye(len(self.points))
            self._solver = known, cho_factor(known.T @ known + penalty)
        known, factor = self._solver
        found: Floats = cho_solve(factor, known.T @ values)
        return found

    def _level_scale(self) -> Floats:
        scale = np.full(self.vectors.shape[1], np.sqrt(LEVEL))
        scale[WIDTH:] = np.sqrt(5 * LEVEL)
        return scale

    def _design(self) -> Floats:
        """Features (n, p)."""
        pairs = self.pairs
        cells = correlations(self.space, pairs.codes, self.points) @ roots(self.points)
        columns = [self.vectors[pairs.tasks] * self._level_scale()] if self.options.embedding else []
        columns.append(np.sqrt(CELLS) * cells)
        return np.concatenate(columns, axis=1)

    def _sums(self, rows: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Precision (p, p) and right side (p,) of some tasks' pairs."""
        x, y = self._features[rows], self.pairs.values[rows] - self.mean
        _, task = np.unique(self.pairs.tasks[rows], return_inverse=True)
        counts = np.bincount(task)
        # Woodbury: the inverse of σ²I + τ²11ᵀ is (I − shared 11ᵀ)/σ².
        shared = np.sqrt(TASK_NOISE / (NOISE + TASK_NOISE * counts))
        together = np.zeros((len(counts), x.shape[1]))
        np.add.at(together, task, x)
        together *= shared[:, None]
        level = np.bincount(task, y) * shared
        return (x.T @ x - together.T @ together) / NOISE, (x.T @ y - together.T @ level) / NOISE

    def _scales(self, residuals: Floats) -> Scales:
        """Scales by moments: products of a task's residuals (n,) against the kernel between cells."""
        products, alike = [], []
        order = np.argsort(self.pairs.tasks, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(self.pairs.tasks[order])) + 1):
            if len(rows) > 1:
                points = scaled(self.space, self.pairs.codes[rows])
                first, second = np.triu_indices(len(rows), 1)
                products.append(residuals[rows][first] * residuals[rows][second])
                alike.append(matern(points, points)[first, second])
        x, y = np.concatenate(alike), np.concatenate(products)
        bound = np.quantile(np.abs(y), 0.99)
        slope, level = np.polyfit(x, np.clip(y, -bound, bound), 1)
        total = float((residuals**2).mean())
        level = float(np.clip(level, 0.05 * total, 0.6 * total))
        cells = float(np.clip(slope, 0.05 * total, 0.6 * total))
        noise = max(total - level - cells, 0.1 * total)
        return Scales(float(np.sqrt(level)), float(np.sqrt(cells)), float(np.sqrt(noise)))
