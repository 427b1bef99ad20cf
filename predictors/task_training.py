r"""Learns a :class:`.TaskModel` from measured pairs of a task and an architecture.

One Bayesian linear regression in features of unit prior covariance: the task's vector, an architecture's
Nyström features, and products of the strongest of both. The pairs of one task share an error, so that their
covariance is :math:`\sigma^2 I + \tau^2 \mathbf{1}\mathbf{1}^\top` (a random effect). Judged, and its scales
found, by leaving whole tasks out.

Notation: n pairs, t tasks, p features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from benchmarks.task_pairs import TaskPairs
from encoders.task_embedding import WIDTH, Prototypes
from encoders.task_set import Neighbourhood, surroundings, task_vector
from predictors.cell_kernel import correlations, kernel, roots, scaled
from predictors.conformal import Calibration
from predictors.task_model import Scales, TaskModel
from spaces.space import Floats, Space

NOISE = 6.0
"""Variance of a measurement and of what the features cannot tell."""
TASK_NOISE = 2.0
"""Variance that the pairs of one task share."""
LEVEL = 0.4
"""Prior variance of a weight of the mean prototype; of a similarity it is five times that."""
CELLS = 25.0
"""Prior variance of what a cell brings."""
FOLDS = 5


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """What is learned.

    Args:
        landmarks: of the kernel.
        directions: principal directions of tasks along which cells may differ; 0 for none.
        strongest: features of cells that may differ along each.
        interaction: prior variance of such a difference.
        embedding: whether a task's vector is looked at.
    """

    landmarks: int = 1600
    directions: int = 0
    strongest: int = 30
    interaction: float = 0.4
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
        self.centre = vectors.mean(axis=0)
        spread = vectors.std(axis=0)
        spread[:WIDTH] = np.sqrt((spread[:WIDTH] ** 2).mean())
        self.spread = spread
        self.vectors = (vectors - self.centre) / spread
        self.directions = self._principal()
        tasks = len(prototypes)
        self.folds = np.random.default_rng(seed).permutation(tasks) % FOLDS
        self.mean = float(pairs.values.mean())
        self._features = self._design()
        sums = [self._sums(self.folds[pairs.tasks] == fold) for fold in range(FOLDS)]
        self._gram = np.stack([gram for gram, _ in sums])
        self._right = np.stack([right for _, right in sums])

    def weights(self, without: int | None = None) -> Floats:
        """The posterior mean (p,), from all folds or all but one."""
        kept = [fold for fold in range(FOLDS) if fold != without]
        gram = self._gram[kept].sum(axis=0) + np.eye(self._gram.shape[1])
        found: Floats = cho_solve(cho_factor(gram, overwrite_a=True), self._right[kept].sum(axis=0))
        return found

    def held_out(self) -> Floats:
        """Predictions (n,) of each pair by the model without its task's fold."""
        predicted = np.empty(len(self.pairs.values))
        for fold in range(FOLDS):
            rows = self.folds[self.pairs.tasks] == fold
            predicted[rows] = self.mean + self._features[rows] @ self.weights(fold)
        return predicted

    def model(self, held_out: Floats) -> TaskModel:
        """The model of all pairs, its scales from predictions of held-out ones (n,)."""
        options = self.options
        weights = self.weights()
        root = roots(self.space, options.landmarks)
        level, weights = np.split(weights, [self.vectors.shape[1] if options.embedding else 0])
        level = level * self._level_scale() if options.embedding else np.zeros(self.vectors.shape[1])
        cells = [root @ (np.sqrt(CELLS) * weights[: root.shape[1]])]
        for part in np.split(weights[root.shape[1] :], max(options.directions, 1)):
            if options.directions:
                cells.append(root[:, : options.strongest] @ (np.sqrt(options.interaction) * part))
        levels = self.vectors @ level
        residuals = self.pairs.values - held_out
        scales = self._scales(residuals)
        total = np.sqrt(scales.level**2 + scales.cells**2 + scales.noise**2)
        return TaskModel(
            self.space,
            self.mean,
            self.centre,
            self.spread,
            level,
            (float(levels.min()), float(levels.max())),
            self.directions,
            np.stack(cells, axis=1),
            options.landmarks,
            scales,
            Neighbourhood.of(np.stack([surroundings(each) for each in self.prototypes])),
            Calibration.of(residuals, np.full(len(residuals), total)).thinned(),
        )

    def _principal(self) -> Floats:
        """Directions (1283, q) along which the tasks' mean prototypes vary most, of unit deviation."""
        q = self.options.directions
        found = np.zeros((self.vectors.shape[1], q))
        if q:
            means = self.vectors[:, :WIDTH]
            _, axes = np.linalg.eigh(means.T @ means)
            axes = axes[:, ::-1][:, :q]
            found[:WIDTH] = axes / (means @ axes).std(axis=0)
        return found

    def _level_scale(self) -> Floats:
        scale = np.full(self.vectors.shape[1], np.sqrt(LEVEL))
        scale[WIDTH:] = np.sqrt(5 * LEVEL)
        return scale

    def _design(self) -> Floats:
        """Features (n, p)."""
        pairs, options = self.pairs, self.options
        cells = correlations(self.space, pairs.codes, options.landmarks) @ roots(
            self.space, options.landmarks
        )
        columns = [self.vectors[pairs.tasks] * self._level_scale()] if options.embedding else []
        columns.append(np.sqrt(CELLS) * cells)
        along = np.clip(self.vectors @ self.directions, -3.0, 3.0)[pairs.tasks]
        for direction in along.T:
            strongest = cells[:, : options.strongest]
            columns.append(np.sqrt(options.interaction) * strongest * direction[:, None])
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
                alike.append(kernel(points, points)[first, second])
        x, y = np.concatenate(alike), np.concatenate(products)
        bound = np.quantile(np.abs(y), 0.99)
        slope, level = np.polyfit(x, np.clip(y, -bound, bound), 1)
        total = float((residuals**2).mean())
        level = float(np.clip(level, 0.05 * total, 0.6 * total))
        cells = float(np.clip(slope, 0.05 * total, 0.6 * total))
        noise = max(total - level - cells, 0.1 * total)
        return Scales(float(np.sqrt(level)), float(np.sqrt(cells)), float(np.sqrt(noise)))
