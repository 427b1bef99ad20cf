r"""Greedy batch acquisition among candidates, by BoTorch's analytic acquisition functions.

One objective: log expected improvement (Ament et al. 2023). Several: expected hypervolume improvement (Yang
et al. 2019). Either is multiplied by the probability that every measured bound holds (Gardner et al. 2014);
while no observation holds them all, that probability alone counts. Pending trials and earlier places of a
batch are fantasies at their posterior means (Ginsbourger et al. 2010). With surrogates :math:`f` of the
objectives and :math:`g_q` of the bounded quantities, taken as independent, the value of a candidate is

.. math:: \alpha(x) = \log \mathbb E\left[\max(f(x) - f^*, 0)\right]
                    + \sum_q \log P(l_q \le g_q(x) \le u_q)

with the best feasible value :math:`f^*`. With two or three objectives the first term is
:math:`\log \mathbb E\left[V(P \cup \{f(x)\}) - V(P)\right]`, with the hypervolume :math:`V` above the
reference point and the feasible front :math:`P`; with more it is the expected improvement of random Chebyshev
scalarizations (:mod:`search.bo.chebyshev`).

All quantities are normal scores, objectives signed so that more is better. Notation: c candidates, o
objectives, n observations, r rows.
"""

from collections.abc import Sequence

import numpy as np
import torch
from botorch.acquisition.analytic import LogProbabilityOfFeasibility
from botorch.acquisition.multi_objective import ExpectedHypervolumeImprovement
from botorch.models.model import Model
from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning
from scipy.special import ndtri

from predictors.calibration.normal_scores import NormalScores
from predictors.gaussian_processes.exact_gp import Matrix, marginals, with_fantasies
from search.bo import chebyshev
from search.bo.candidates import listed
from search.bo.surrogates import Surrogates
from search.bo.tabulated import TabulatedModel, evaluated, log_expected_improvement
from search.pareto.front import crowding, pareto_front
from search.trial import values_of
from spaces.metric import Observation
from spaces.space import Bools, Codes, Floats

SHORTLIST = 512
"""Candidates, the best by the first place's acquisition, among which the later places of a batch are chosen.
"""
AVERAGED = 48
"""Candidates whose neighbourhoods are averaged where flat optima are wanted."""
OPTIMISTIC = 2.0
"""Standard deviations above its mean at which a candidate must not be dominated to be evaluated."""
FEWEST = 400
"""Candidates evaluated at least."""
MOST_OBJECTIVES = 3
"""Of a hypervolume. Beyond them boxes are too many: 665 for ten points of seven objectives, found in seconds.
"""
MOST_POINTS = {2: 512, 3: 32}
"""Of a front by its objectives: with three, boxes grow faster than points do."""
ROUNDS = {1: 100, 2: 32, 3: 8}
"""How often one batch computes its acquisition anew, by the objectives; between, the next best are taken."""
MOST_ROUNDS = 16
"""The same with more objectives."""
EXACT = 1e-6
"""Standard deviation of what needs no measurement."""
NARROWEST = 1e-9
"""Least width of a bound in normal scores."""

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


class BatchAcquisition:
    """Acquisition values of candidates, and the batch that they choose.

    Args:
        surrogates: conditioned on the observations.
        finished: these observations.
        codes: candidates (c, v) within the exact bounds.
        pending: codes (w, v) of pending trials.
        flat: whether a candidate counts by the mean over its neighbourhood.
        inputs: of the candidates on the problem's task (c, f), where they are known already.
    """

    def __init__(
        self,
        surrogates: Surrogates,
        finished: Sequence[Observation],
        codes: Codes,
        pending: Codes,
        *,
        flat: bool = False,
        inputs: Matrix | None = None,
    ) -> None:
        self.surrogates = surrogates
        self.problem = surrogates.problem
        self.finished = finished
        self.codes = codes
        self.pending = pending
        self.flat = flat
        self.feasible = np.array([self.problem.feasible(observation) for observation in finished])
        self.scales = {
            quantity.key: NormalScores.fit(values_of(finished, quantity.key))
            for quantity in self.problem.quantities
        }
        self.inputs: dict[str, Matrix] = {}
        self.means: dict[str, Floats] = {}
        self.stds: dict[str, Floats] = {}
        for quantity in self.problem.to_measure:
            key = quantity.key
            own = self._listed(key, inputs)
            self.inputs[key] = surrogates.inputs(key, codes, own)
            self.means[key], variance = marginals(self._with_pending(key), self.inputs[key])
            self.stds[key] = np.sqrt(variance)
        self.log_success = surrogates.log_success(codes, inputs)
        """log P(an evaluation succeeds) of each candidate (c,); None while none has failed."""
        self.objectives = self._objectives(codes, self.means)
        self.front = self._front()

    def choose(self, count: int, free: Bools) -> list[int]:
        """Rows of up to ``count`` of the free candidates (c,), one after another."""
        if not free.any() or count < 1:
            return []
        at_once = -(-count // ROUNDS.get(len(self.problem.objectives), MOST_ROUNDS))
        best = np.argsort(-np.where(free, self.values(free), -np.inf), kind="stable")[: int(free.sum())]
        first = best[: min(at_once, count)]
        rows = best[len(first) :][: max(SHORTLIST, 4 * count)]
        return [*first.tolist(), *self._later(count - len(first), at_once, first, rows)]

    def values(self, free: Bools | None = None) -> Floats:
        """Logarithm (c,) of the acquisition function at each candidate; of the free ones only."""
        free = np.ones(len(self.codes), dtype=bool) if free is None else free
        values = np.full(len(self.codes), -np.inf)
        if self.feasible.any() and 1 < self.objectives.shape[1] <= MOST_OBJECTIVES:
            free = free & self._not_hopeless()
        rows = np.flatnonzero(free)
        values[rows] = self._values(rows, self.stds, self.front)
        return self._flattened(values, rows, self.stds) if self.flat else values

    def predicted(self, rows: Sequence[int]) -> list[dict[str, dict[str, float]]]:
        """Predictions of candidates: quantity key → mean, std, lower and upper, in the metric's unit."""
        z = float(ndtri(0.5 + self.problem.confidence / 2))
        found: list[dict[str, dict[str, float]]] = [{} for _ in rows]
        for key, scale in self.scales.items():
            if key not in self.means:
                continue
            mean, std = self.means[key][rows], self.stds[key][rows]
            middle, lower, upper = (scale.inverse(mean + step * std) for step in (0.0, -z, z))
            for row, entry in enumerate(found):
                entry[key] = {
                    "mean": float(middle[row]),
                    "std": float(upper[row] - lower[row]) / (2 * z),
                    "lower": float(lower[row]),
                    "upper": float(upper[row]),
                }
        return found

    def _later(self, count: int, at_once: int, first: Rows, rows: Rows) -> list[int]:
        """Up to ``count`` more of the shortlisted ``rows``, ``at_once`` a round, after the ``first`` ones."""
        free, chosen, last = np.ones(len(rows), dtype=bool), list[int](), first
        models: dict[str, Model] = {}
        front = self.front
        while len(chosen) < count and free.any():
            front = np.concatenate([front, self.objectives[last]])
            stds = {}
            for key, own in self.inputs.items():
                known = models.get(key) or self._with_pending(key)
                models[key] = with_fantasies(known, own[last])
                stds[key] = self.stds[key].copy()
                stds[key][rows] = np.sqrt(marginals(models[key], own[rows])[1])
            left = rows[free]
            values = np.full(len(self.codes), -np.inf)
            values[left] = self._values(left, stds, front)
            if self.flat:
                values = self._flattened(values, left, stds)
            last = left[np.argsort(-values[left], kind="stable")[: min(at_once, count - len(chosen))]]
            free &= ~np.isin(rows, last)
            chosen += last.tolist()
        return chosen

    def _with_pending(self, key: str) -> Model:
        """A quantity's surrogate with fantasies for the pending trials."""
        return with_fantasies(self.surrogates.models[key], self.surrogates.inputs(key, self.pending))

    def _values(self, rows: Rows, stds: dict[str, Floats], front: Floats) -> Floats:
        """Logarithm (r,) of the acquisition function at rows of the candidates."""
        values = self._log_feasible(rows, stds)
        if self.log_success is not None:
            values = values + self.log_success[rows]
        if self.feasible.any():  # else there is nothing to improve on: first find what holds the bounds
            values += self._improvement(self.objectives[rows], self._objective_stds(rows, stds), front)
        return values

    def _improvement(self, mean: Floats, std: Floats, front: Floats) -> Floats:
        """Log expected improvement (r,), of the hypervolume where there are several objectives."""
        if mean.shape[1] == 1:
            return log_expected_improvement(mean[:, 0], std[:, 0], float(front.max()))
        if mean.shape[1] > MOST_OBJECTIVES:
            weights = chebyshev.random_weights(mean.shape[1], [len(self.finished), len(front)])
            gain = chebyshev.expected_improvement(mean, std, front, weights)
            return np.log(np.maximum(gain, 1e-300))
        front, most = front[pareto_front(front)], MOST_POINTS[mean.shape[1]]
        if len(front) > most:
            front = front[np.argsort(-crowding(front), kind="stable")[:most]]
        partitioning = FastNondominatedPartitioning(
            torch.from_numpy(self.reference), torch.from_numpy(np.ascontiguousarray(front))
        )
        function = ExpectedHypervolumeImprovement(
            TabulatedModel(mean, std), self.reference.tolist(), partitioning
        )
        return np.log(np.maximum(evaluated(function, len(mean)), 1e-300))

    def _log_feasible(self, rows: Rows, stds: dict[str, Floats]) -> Floats:
        """log P(every measured bound holds), (r,), quantities taken as independent."""
        bounds: dict[str, tuple[float | None, float | None]] = {}
        for bound in self.problem.measured_constraints:
            key = bound.quantity.key
            low, high = (
                None if end is None else float(self.scales[key].transform(np.array([end]))[0])
                for end in (bound.min, bound.max)
            )
            known_low, known_high = bounds.get(key, (None, None))
            low = known_low if low is None else low if known_low is None else max(low, known_low)
            high = known_high if high is None else high if known_high is None else min(high, known_high)
            if low is not None and high is not None:
                high = max(high, low + NARROWEST)
            bounds[key] = low, high
        if not bounds:
            return np.zeros(len(rows))
        mean = np.stack([self.means[key][rows] for key in bounds], axis=1)
        std = np.stack([stds[key][rows] for key in bounds], axis=1)
        function = LogProbabilityOfFeasibility(TabulatedModel(mean, std), dict(enumerate(bounds.values())))
        return evaluated(function, len(rows))

    def _not_hopeless(self) -> Bools:
        """Which candidates (c,) would not be dominated if they came out far better than predicted; at least
        a few hundred. The others are not worth the integral.
        """
        everyone = np.arange(len(self.codes))
        optimistic = self.objectives + OPTIMISTIC * self._objective_stds(everyone, self.stds)
        beaten = np.zeros(len(self.codes), dtype=bool)
        for point in self.front[pareto_front(self.front)]:
            beaten |= (optimistic <= point).all(axis=1)
        order = np.argsort(-optimistic.sum(axis=1), kind="stable")
        beaten[order[:FEWEST]] = False
        result: Bools = ~beaten
        return result

    def _listed(self, key: str, inputs: Matrix | None) -> Matrix | None:
        """Known inputs of the candidates on the quantity's own task."""
        task = self.surrogates.maps[key].task
        if inputs is None or task == self.problem.task:
            return inputs
        return listed(self.problem, task)[1]

    def _objectives(self, codes: Codes, means: dict[str, Floats]) -> Floats:
        """Objectives (c, o) of codes (c, v): posterior means, known values where nothing is measured."""
        return np.stack(
            [
                quantity.sign
                * (
                    means[quantity.key]
                    if quantity.key in means
                    else self.scales[quantity.key].transform(self.problem.known(quantity, codes))
                )
                for quantity in self.problem.objectives
            ],
            axis=1,
        )

    def _objective_stds(self, rows: Rows, stds: dict[str, Floats]) -> Floats:
        """Standard deviations of the objectives, (r, o)."""
        return np.stack(
            [
                stds[quantity.key][rows] if quantity.key in stds else np.full(len(rows), EXACT)
                for quantity in self.problem.objectives
            ],
            axis=1,
        )

    def _predicted_objectives(self, codes: Codes) -> Floats:
        """Objectives (b, o) of any codes (b, v)."""
        means = {key: self.surrogates.marginals(key, codes)[0] for key in self.means}
        return self._objectives(codes, means)

    def _front(self) -> Floats:
        """Objectives that must be improved on, (p, o): of feasible observations and of pending trials."""
        observed = np.stack(
            [
                quantity.sign * self.scales[quantity.key].transform(values_of(self.finished, quantity.key))
                for quantity in self.problem.objectives
            ],
            axis=1,
        )
        self.reference: Floats = observed.min(axis=0) - 0.1
        front: Floats = observed[self.feasible] if self.feasible.any() else observed.min(axis=0)[None]
        if not len(self.pending) or observed.shape[1] == 1:
            return front
        joined: Floats = np.concatenate([front, self._predicted_objectives(self.pending)])
        return joined

    def _flattened(self, values: Floats, rows: Rows, stds: dict[str, Floats]) -> Floats:
        """Values (c,) of neighbourhoods for the best rows; of the others something below all of these."""
        if not self.feasible.any():
            return values
        top = rows[np.argsort(-values[rows], kind="stable")[:AVERAGED]]
        observed = self._averaged(self._best_observed())
        flat = np.full(len(values), -np.inf)
        flat[top] = self._improvement(
            self._averaged(self.codes[top]), self._objective_stds(top, stds), observed
        )
        flat[top] += self._log_feasible(top, stds)
        if self.log_success is not None:
            flat[top] += self.log_success[top]
        return np.where(np.isfinite(flat), flat, np.minimum(values, flat[top].min()) - 1e3)

    def _best_observed(self) -> Codes:
        """Codes of the observations that a flat optimum must improve on: the best feasible ones."""
        rows = np.flatnonzero(self.feasible) if self.feasible.any() else np.arange(len(self.finished))
        total = np.stack([self.problem.signed_objectives(self.finished[int(row)].values) for row in rows])
        best = rows[np.argsort(-total[:, 0], kind="stable")[:8]]
        return self.problem.space.parse_many([self.finished[int(row)].architecture for row in best])

    def _averaged(self, codes: Codes) -> Floats:
        """Predicted objectives (b, o), averaged over each of codes (b, v) and its neighbours."""
        around = [np.concatenate([row[None], self.problem.space.neighbours(row)]) for row in codes]
        objectives = self._predicted_objectives(np.concatenate(around))
        ends = np.cumsum([len(rows) for rows in around])[:-1]
        return np.stack([part.mean(axis=0) for part in np.split(objectives, ends)])
