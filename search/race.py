r"""Candidates of one suggestion, compared by what an evaluation of each is expected to gain.

One objective is judged by the logarithm of the expected improvement (Ament et al. 2023), several by the
expected improvement of the hypervolume (:mod:`search.hypervolume`), more than three by that of a random
scalarization (:mod:`search.chebyshev`), and each by the probability that every
measured bound holds (Gardner et al. 2014); until something holds them all, that probability alone counts.
Trials that are pending, and earlier members of a batch, count as if they had come out as expected
(Ginsbourger et al. 2010, kriging believer).

Notation: c candidates, o objectives, n observations.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from predictors.normal_scores import NormalScores
from search import chebyshev
from search.acquisition import log_expected_improvement
from search.beliefs import Beliefs, values_of
from search.hypervolume import MOST_OBJECTIVES, boxes, expected_improvement
from search.pareto import pareto_front
from search.surrogate import Field, Halves
from spaces.metric import Observation
from spaces.space import Bools, Codes, Floats

SHORTLIST = 1500
"""Candidates that stay in the race for the later places of a batch with several objectives."""
AVERAGED = 48
"""Candidates whose neighbourhoods are looked at where flat optima are wanted."""
HOPE = 2.0
"""Deviations above its mean at which a candidate must not be dominated to be looked at."""
FEWEST = 400
COMPARISONS = {1: 100, 2: 32, 3: 8}
"""How often one batch's gains are computed anew, by the objectives; in between the next best are taken."""
MOST_COMPARISONS = 16
"""The same with more objectives."""
CHUNK = 2048
EXACT = 1e-6
"""Deviation of what needs no measurement."""


class Race:
    """What is believed of candidates, and which of them are chosen.

    Args:
        beliefs: that have learned the observations.
        finished: these observations.
        codes: candidates (c, v) within the exact bounds.
        waiting: codes (w, v) of pending trials.
        flat: whether a candidate counts by the mean over its neighbourhood.
        inputs: how the candidates look, where they stay the same from one suggestion to the next.
    """

    def __init__(
        self,
        beliefs: Beliefs,
        finished: Sequence[Observation],
        codes: Codes,
        waiting: Codes,
        *,
        flat: bool = False,
        inputs: tuple[Halves, ...] | None = None,
    ) -> None:
        self.beliefs = beliefs
        self.problem = beliefs.problem
        self.finished = finished
        self.codes = codes
        self.flat = flat
        self.feasible = np.array([self.problem.feasible(observation) for observation in finished])
        self.scales = {
            quantity.key: NormalScores.fit(values_of(finished, quantity.key))
            for quantity in self.problem.quantities
        }
        self.fields = beliefs.fields(codes, inputs)
        self.learned = {key: field.state() for key, field in self.fields.items()}
        self.mean = self._means(codes, self.fields)
        self.front = self._front(waiting)
        for key, field in self.fields.items():
            if len(waiting):
                field.learn(beliefs.looks(key, waiting))

    def run(self, count: int, free: Bools) -> list[int]:
        """Rows of the ``count`` best of the free candidates (c,), fewer where there are fewer."""
        free = free.copy()
        chosen: list[int] = []
        at_once = -(-count // COMPARISONS.get(len(self.problem.objectives), MOST_COMPARISONS))
        try:
            while len(chosen) < count and free.any():
                gain = np.where(free, self.gain(free), -np.inf)
                first = not chosen
                best = _best(gain, min(at_once, count - len(chosen), int(free.sum())))
                free[best] = False
                chosen += best
                if len(chosen) == count:
                    break
                if first and len(self.problem.objectives) > 1:
                    free &= gain >= np.sort(gain)[-min(SHORTLIST, len(gain))]
                for row in best:
                    for field in self.fields.values():
                        field.believe(row)
                self.front = np.concatenate([self.front, self.mean[best]])
        finally:
            for key, field in self.fields.items():
                field.restore(self.learned[key])
        return chosen

    def gain(self, free: Bools | None = None) -> Floats:
        """Logarithm (c,) of what evaluating each candidate is expected to gain; of the free ones only."""
        free = np.ones(len(self.codes), dtype=bool) if free is None else free
        gain = np.full(len(self.codes), -np.inf)
        if self.feasible.any() and 1 < self.mean.shape[1] <= MOST_OBJECTIVES:
            free = free & self._hopeful()
        rows = np.flatnonzero(free)
        deviation = self._deviations(rows)
        gain[rows] = self._log_feasible(rows)
        if not self.feasible.any():  # nothing to improve on: first find what holds the bounds
            return gain
        gain[rows] += self._improvement(self.mean[rows], deviation, self.front)
        if self.flat:
            top = rows[np.argsort(-gain[rows], kind="stable")[:AVERAGED]]
            plain, gain = gain, np.full(len(gain), -np.inf)
            observed = self._smoothed(self._observed_best())
            gain[top] = self._improvement(self._smoothed(self.codes[top]), self._deviations(top), observed)
            gain[top] += self._log_feasible(top)
            gain = np.where(np.isfinite(gain), gain, np.minimum(plain, gain[top].min()) - 1e3)
        return gain

    def foreseen(self, chosen: Sequence[int]) -> list[dict[str, dict[str, float]]]:
        """What is expected of candidates: quantity key → mean, std, lower and upper, in the metric's unit."""
        z = float(ndtri(0.5 + self.problem.confidence / 2))
        told: list[dict[str, dict[str, float]]] = [{} for _ in chosen]
        for key, field in self.fields.items():
            mean = field.mean(self.beliefs.labels[key], chosen)
            deviation = field.deviation()[chosen]
            scale = self.scales[key]
            middle, lower, upper = (scale.inverse(mean + step * deviation) for step in (0.0, -z, z))
            for row, entry in enumerate(told):
                entry[key] = {
                    "mean": float(middle[row]),
                    "std": float(upper[row] - lower[row]) / (2 * z),
                    "lower": float(lower[row]),
                    "upper": float(upper[row]),
                }
        return told

    def _hopeful(self) -> Bools:
        """Which candidates (c,) would not be dominated if they came out far better than expected; at least a
        few hundred. The others are not worth the integral.
        """
        optimistic = self.mean + HOPE * self._deviations(np.arange(len(self.codes)))
        beaten = np.zeros(len(self.codes), dtype=bool)
        for point in self.front[pareto_front(self.front)]:
            beaten |= (optimistic <= point).all(axis=1)
        order = np.argsort(-optimistic.sum(axis=1), kind="stable")
        beaten[order[:FEWEST]] = False
        result: Bools = ~beaten
        return result

    def _means(self, codes: Codes, fields: dict[str, Field]) -> Floats:
        """Expected objectives (c, o) as normal scores, more is better."""
        return np.stack(
            [
                quantity.sign
                * (
                    fields[quantity.key].mean(self.beliefs.labels[quantity.key])
                    if quantity.key in fields
                    else self.scales[quantity.key].transform(self.problem.exact(quantity, codes))
                )
                for quantity in self.problem.objectives
            ],
            axis=1,
        )

    def _deviations(self, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Floats:
        """Deviations of the objectives, (r, o)."""
        return np.stack(
            [
                self.fields[quantity.key].deviation()[rows]
                if quantity.key in self.fields
                else np.full(len(rows), EXACT)
                for quantity in self.problem.objectives
            ],
            axis=1,
        )

    def _front(self, waiting: Codes) -> Floats:
        """Objectives as normal scores of what must be improved on: feasible observations, pending trials."""
        scores = np.stack(
            [
                quantity.sign * self.scales[quantity.key].transform(values_of(self.finished, quantity.key))
                for quantity in self.problem.objectives
            ],
            axis=1,
        )
        self.reference = scores.min(axis=0) - 0.1
        front: Floats = scores[self.feasible] if self.feasible.any() else scores.min(axis=0)[None]
        if not len(waiting) or scores.shape[1] == 1:
            return front
        joined: Floats = np.concatenate([front, self._means(waiting, self.beliefs.fields(waiting))])
        return joined

    def _improvement(self, mean: Floats, deviation: Floats, front: Floats) -> Floats:
        """Logarithm of the expected improvement, (r,)."""
        if mean.shape[1] == 1:
            return log_expected_improvement(mean[:, 0], deviation[:, 0], float(front.max()))
        if mean.shape[1] > MOST_OBJECTIVES:
            weights = chebyshev.random_weights(mean.shape[1], [len(self.finished), len(front)])
            gain = chebyshev.expected_improvement(mean, deviation, front, weights)
            return np.log(np.maximum(gain, 1e-300))
        lower, upper = boxes(front, self.reference)
        parts = [
            expected_improvement(mean[start : start + CHUNK], deviation[start : start + CHUNK], lower, upper)
            for start in range(0, len(mean), CHUNK)
        ]
        return np.log(np.maximum(np.concatenate(parts), 1e-300)) if parts else np.empty(0)

    def _log_feasible(self, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Floats:
        """log P(every measured bound holds), (r,), bounds taken as independent."""
        total = np.zeros(len(rows))
        for bound in self.problem.predicted_constraints:
            key = bound.quantity.key
            mean = self.fields[key].mean(self.beliefs.labels[key])[rows]
            deviation = self.fields[key].deviation()[rows]
            ends = [
                (self.scales[key].transform(np.array([end]))[0] - mean) / deviation
                if end is not None
                else None
                for end in (bound.min, bound.max)
            ]
            low, high = ends
            if low is None and high is not None:
                total += log_ndtr(high)
            elif high is None and low is not None:
                total += log_ndtr(-low)
            elif low is not None and high is not None:
                total += np.log(np.maximum(ndtr(high) - ndtr(low), 1e-300))
        return total

    def _observed_best(self) -> Codes:
        """Codes of the observations that a flat optimum must improve on: the best feasible ones."""
        rows = np.flatnonzero(self.feasible) if self.feasible.any() else np.arange(len(self.finished))
        total = np.stack([self.problem.score(self.finished[int(row)].values) for row in rows])
        best = rows[np.argsort(-total[:, 0], kind="stable")[:8]]
        return self.problem.space.parse_many([self.finished[int(row)].architecture for row in best])

    def _smoothed(self, codes: Codes) -> Floats:
        """Expected objectives (b, o) averaged over each of codes (b, v) and its neighbours."""
        around = [np.concatenate([row[None], self.problem.space.neighbours(row)]) for row in codes]
        everyone = np.concatenate(around)
        means = self._means(everyone, self.beliefs.fields(everyone))
        ends = np.cumsum([len(rows) for rows in around])[:-1]
        return np.stack([part.mean(axis=0) for part in np.split(means, ends)])


def _best(gain: Floats, count: int) -> list[int]:
    """Rows of the greatest gains (c,), the greatest first."""
    if count == 1:
        return [int(gain.argmax())]
    rows: list[int] = np.argsort(-gain, kind="stable")[:count].tolist()
    return rows
