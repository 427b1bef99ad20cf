r"""Gaussian process over candidates: what an acquisition function asks, at the price of one column a label.

The kernel is that of :mod:`predictors.matern_kernel` over the groups of features that few labels can bear
(:func:`predictors.inputs.informed_kinds`), standardized over the space. With :math:`L` the Cholesky factor of
the labels' covariance, the field keeps :math:`V = k(X_*, X) L^{-\top}`, so that the posterior of all
candidates is

.. math:: \mu = V L^{-1} y, \qquad \sigma^2 = k(x, x) - \sum_j V_{\cdot j}^2

and a further label, or one that is only believed (Ginsbourger et al. 2010), is a further column of
:math:`V` and a further row of :math:`L`.

Notation: c candidates, n labels, f features, g groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.linalg.blas import strsm

from encoders.features import feature_names, features
from predictors.feature_groups import center_of
from predictors.inputs import informed_kinds
from predictors.matern_kernel import JITTER, distances, kernel, most_likely
from spaces.metric import Quantity
from spaces.space import Codes, Floats, Space, cached_by_space

REFERENCE = 2000
PLACED = frozenset(("onehot", "path", "live", "structure", "statistics"))
"""What the features of placement stand for."""
PLACED_LENGTH = 0.3
"""Where the log lengthscale of each of their families is looked for."""
COST_LENGTH = 1.5
"""The same where a cost is learned.

The greatest mean rank correlation with invented costs, of .3, .6, 1, 1.5, 2 and 2.5; no measured latency took
part (``netwright compare constants``, docs/decisions/0035).
"""
JUDGED = ("accuracy", "loss")
"""Metrics that are no cost."""
FITTED_ON = 200
"""Labels beyond these do not take part in the choice of hyperparameters."""
ITERATIONS = 25
"""Steps of that choice at most."""
CHUNK = 1024
"""Candidates at a time."""

Halves = NDArray[np.float32]
Group = Floats | Halves
"""Standardized features of one kind, (b, f), in either precision."""


@dataclass(frozen=True, slots=True)
class View:
    """How architectures of a space look to the kernel.

    Args:
        space, task: whose features.
        kinds: of features.
        columns: which of them make a group, for each group.
        centers, scales: of each group's features; a group's weight does not grow with its size.
        lengths: where each group's log lengthscale is looked for, (g,).
        cost_lengths: the same where a cost is learned, (g,).
    """

    space: Space
    task: str | None
    kinds: tuple[str, ...]
    columns: tuple[NDArray[np.int64], ...]
    centers: tuple[Floats, ...]
    scales: tuple[Floats, ...]
    lengths: Floats
    cost_lengths: Floats

    def sought(self, quantity: Quantity) -> Floats:
        """Where the log lengthscales (g,) of a quantity are looked for."""
        return self.lengths if quantity.metric in JUDGED else self.cost_lengths

    def __call__(self, codes: Codes) -> list[Floats]:
        """Standardized features, one (b, f) array a group, of codes (b, v)."""
        x = features(self.space, codes, task=self.task, kinds=self.kinds)
        return [
            (np.ascontiguousarray(x[:, columns], dtype=np.float64) - center) / scale
            for columns, center, scale in zip(self.columns, self.centers, self.scales, strict=True)
        ]


def seen_kinds(space: Space) -> tuple[str, ...]:
    """Kinds of features that a search looks at.

    Where the graph itself varies and zeros do not blur it, what stands where tells more than paths do.
    """
    kinds = informed_kinds(space)
    if PLACED.issubset(kinds) and space.network_space.task_dependent_cost:
        return ("placement", *(kind for kind in kinds if kind not in PLACED))
    return kinds


@cached_by_space(maxsize=16)
def view(space: Space, task: str | None) -> View:
    """The view of a space, standardized over members drawn from it."""
    codes = space.sample(REFERENCE, np.random.default_rng(0))
    kinds = seen_kinds(space)
    x = features(space, codes, task=task, kinds=kinds).astype(np.float64)
    labels = [
        f"placement:{name.partition(':')[0]}" if kind == "placement" else kind
        for kind in kinds
        for name in feature_names(space, (kind,))
    ]
    groups, centers, scales, lengths, costs = [], [], [], [], []
    for label in dict.fromkeys(labels):
        columns = np.flatnonzero([own == label for own in labels])
        deviation = x[:, columns].std(axis=0)
        columns, deviation = columns[deviation > 1e-9], deviation[deviation > 1e-9]
        if len(columns):
            groups.append(columns)
            centers.append(x[:, columns].mean(axis=0))
            scales.append(deviation * np.sqrt(len(columns)))
            placed = label.startswith("placement:")
            lengths.append(PLACED_LENGTH if placed else center_of(label))
            costs.append(COST_LENGTH if placed else lengths[-1])
    arrays = (np.array(lengths), np.array(costs))
    return View(space, task, kinds, tuple(groups), tuple(centers), tuple(scales), *arrays)


@cached_by_space(maxsize=4)
def members(space: Space, task: str | None) -> tuple[Codes, tuple[Halves, ...]]:
    """Every member (c, v) of a space that can be listed, and how it looks."""
    codes = space.enumerate()
    return codes, tuple(group.astype(np.float32) for group in view(space, task)(codes))


def hyperparameters(inputs: Sequence[Group], labels: Floats, lengths: Floats) -> Floats:
    """Of the greatest posterior probability, (g + 2,), on at most :data:`FITTED_ON` labels (n,)."""
    rows = np.arange(len(labels))
    if len(rows) > FITTED_ON:
        rows = np.unique(np.linspace(0, len(rows) - 1, FITTED_ON).astype(np.int64))
    chosen = [group[rows].astype(np.float64) for group in inputs]
    return most_likely(distances(chosen, chosen), labels[rows], lengths, iterations=ITERATIONS)


class Field:
    """The posterior over candidates, label by label.

    Args:
        candidates: standardized features, one (c, f) array a group.
        theta: hyperparameters (g + 2,).
        room: labels for which there is room at first.
        memory: columns of a field of the same candidates that nobody needs any more: fresh memory costs time.
    """

    def __init__(
        self, candidates: Sequence[Group], theta: Floats, room: int = 64, memory: Halves | None = None
    ) -> None:
        self.theta = theta
        self.noise = float(np.exp(theta[-1])) + JITTER
        self.prior = float(kernel(np.zeros(1), theta)[0])
        self.right = self._scaled(candidates)  # (c, f + 2)
        self.candidates = self.right[:, :-2]
        self.points = np.empty((0, self.candidates.shape[1]), dtype=np.float32)
        if memory is None or len(memory) < room:
            memory = np.empty((room, len(self.candidates)), dtype=np.float32)
        self.columns = memory  # V transposed, (n, c)
        self.factor = np.empty((len(memory), len(memory)))
        self.variance = np.full(len(self.candidates), self.prior)
        self.count = 0

    def learn(self, points: Sequence[Group]) -> None:
        """Takes in labelled points, one (n, f) array a group: all at once where there are none yet."""
        scaled = self._scaled(points)[:, :-2]
        if self.count:
            for row in scaled:
                self._push(row)
            return
        count = len(scaled)
        self._grow(count)
        # In double precision: a single one could leave the matrix indefinite.
        doubled = scaled.astype(np.float64)
        between = self._kernel(doubled, _right(doubled))
        self.factor[:count, :count] = cholesky(between + self.noise * np.eye(count), lower=True)
        factor = np.asfortranarray(self.factor[:count, :count], dtype=np.float32)
        for start in range(0, len(self.candidates), CHUNK):  # so many fit into the processor's cache
            part = slice(start, start + CHUNK)
            cross = self._kernel(scaled, self.right[part])
            # In place, by the transpose: copies would take as long as the solution.
            strsm(1.0, factor, cross.T, side=1, lower=1, trans_a=1, overwrite_b=1)
            self.columns[:count, part] = cross
            # Summed row by row: the order of a column's sum would depend on where in memory it lies.
            cross *= cross
            self.variance[part] = self.prior - cross.sum(axis=0).astype(np.float64)
        self.points, self.count = scaled, count

    def believe(self, candidate: int) -> None:
        """Takes in a candidate as if it had come out as expected: the mean stays, the variance falls."""
        self._push(self.candidates[candidate])

    def state(self) -> tuple[int, Floats]:
        """What :meth:`restore` goes back to."""
        return self.count, self.variance

    def restore(self, state: tuple[int, Floats]) -> None:
        """Forgets what was learned or believed since."""
        self.count, self.variance = state
        self.points = self.points[: self.count]

    def mean(self, labels: Floats, rows: Sequence[int] | slice = slice(None)) -> Floats:
        """Posterior means (c,) from labels of the first points (m,), m ≤ n; those of some candidates only."""
        m = len(labels)
        solved = solve_triangular(self.factor[:m, :m], labels, lower=True, check_finite=False)
        result: Floats = (solved.astype(np.float32) @ self.columns[:m, rows]).astype(np.float64)
        return result

    def deviation(self) -> Floats:
        """Deviations (c,) of what an evaluation would bring, its noise included."""
        result: Floats = np.sqrt(np.maximum(self.variance, 0.0) + self.noise)
        return result

    def _push(self, point: Halves) -> None:
        self._grow(1)
        n = self.count
        cross = self._kernel(point[None], self.right)[0]
        row = np.empty(0)
        if n:
            with_points = self._kernel(point[None], _right(self.points))[0].astype(np.float64)
            row = solve_triangular(self.factor[:n, :n], with_points, lower=True, check_finite=False)
        last = np.sqrt(max(self.prior + self.noise - float(row @ row), self.noise))
        self.factor[n, :n], self.factor[n, n] = row, last
        self.columns[n] = (cross - row.astype(np.float32) @ self.columns[:n]) / np.float32(last)
        self.variance = self.variance - self.columns[n].astype(np.float64) ** 2
        self.points = np.concatenate([self.points, point[None]])
        self.count += 1

    def _grow(self, more: int) -> None:
        room = len(self.columns)
        if self.count + more <= room:
            return
        room = max(2 * room, self.count + more)
        columns = np.empty((room, self.columns.shape[1]), dtype=np.float32)
        columns[: self.count] = self.columns[: self.count]
        factor = np.empty((room, room))
        factor[: self.count, : self.count] = self.factor[: self.count, : self.count]
        self.columns, self.factor = columns, factor

    def _scaled(self, inputs: Sequence[Group]) -> Halves:
        """Points (n, f), each group divided by its lengthscale, as :func:`_right` has them, (n, f + 2)."""
        ends = np.cumsum([0, *(group.shape[1] for group in inputs)])
        right = np.empty((len(inputs[0]), ends[-1] + 2), dtype=np.float32)
        for number, (group, length) in enumerate(zip(inputs, self.theta[:-2], strict=True)):
            part = right[:, ends[number] : ends[number + 1]]
            np.multiply(group.astype(np.float32, copy=False), np.float32(np.exp(-length)), out=part)
        result: Halves = _completed(right)
        return result

    def _kernel(self, points: Any, right: Any) -> Any:
        """Covariances (n, m) of scaled points (n, f) and :func:`_right` of others (m, f + 2), in their own
        precision and in as few passes as possible.
        """
        squares = 5 * np.einsum("nf,nf->n", points, points)[:, None]
        r = np.concatenate([-10 * points, squares, np.ones_like(squares)], axis=1) @ right.T
        np.maximum(r, 0, out=r)
        np.sqrt(r, out=r)
        found = r + 1.5  # 1 + r + r²/3 = ((r + 3/2)² + 3/4) / 3
        found *= found
        found += 0.75
        np.subtract(self.theta[-2] - np.log(3), r, out=r)
        np.exp(r, out=r)
        found *= r
        found += float(self.prior - np.exp(self.theta[-2]))
        return found


def _right(points: Any) -> Any:
    r"""Points (m, f) as a factor (m, f + 2) of five times their squared distances to others:
    :math:`(-10 a, 5 |a|^2, 1) \cdot (b, 1, 5 |b|^2)`.
    """
    return _completed(np.concatenate([points, np.empty((len(points), 2), points.dtype)], axis=1))


def _completed(right: Any) -> Any:
    """With the last two columns of :func:`_right`, in place."""
    points = right[:, :-2]
    right[:, -2] = 1
    right[:, -1] = 5 * np.einsum("nf,nf->n", points, points)
    return right
