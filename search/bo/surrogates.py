"""Surrogates of a search: a Gaussian process for every quantity that an evaluation measures.

Each is learned from the search's own observations, on their normal scores. Evaluations of a lower fidelity
enter as one more input: the posterior mean of a process of their own (Kennedy & O'Hagan 2000,
autoregression).

Notation: n observations, c candidates, v variables.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from botorch.models.model import Model
from torch import Tensor

from predictors.calibration.normal_scores import NormalScores, normal_scores
from predictors.gaussian_processes.exact_gp import Matrix, as_tensor, exact_gp, fit_hyperparameters, marginals
from predictors.gaussian_processes.grouped_matern import Groups
from search.bo.candidates import chosen_rows
from search.bo.failures import SuccessModel
from search.bo.inputs import input_map
from search.problem import Problem
from search.run.merged import COUNT, ERROR
from search.trial import CompletedTrial, values_of
from spaces.metric import Observation, Quantity
from spaces.space import Codes, Floats

LEARNED = 500
"""Observations that a surrogate learns at most: the best half of them, and an even choice of the others."""
IN_ALL = 2000
"""Observations that all surrogates learn together: beyond four quantities each learns fewer."""
FITTED_ON = 200
"""Observations at most that hyperparameters are fitted to."""
ITERATIONS = 25
"""Steps of that fit at most."""
LOW_FIDELITY_FROM = 5
"""Evaluations of a lower fidelity from which on they are learned from."""
LOW_FIDELITY_LENGTH = 1.0
"""Prior mean of the log lengthscale of the lower fidelity's posterior mean."""
FULL = "full"
FIRST = 5
"""Observations at the first checkpoint."""
APART = 3
"""How many observations the checkpoints of one quantity lag behind those of the quantity before.

So with two quantities and more than 22 observations, no suggestion fits the hyperparameters of both.
"""

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]
MakeModel = Callable[[Tensor, Tensor], Model]
"""Inputs (n, f) and normal scores (n, 1) → a fitted BoTorch model of one output."""


def checkpoint(count: int) -> int:
    """The last of 5, 6, 7, 8, 9, 10, 12, 14 … (a fifth more, at most 50) that a count has reached.

    Hyperparameters are fitted at checkpoints only, so that a search that continues from stored observations
    finds those it would have had.

    >>> [checkpoint(count) for count in (5, 9, 13, 300, 5000)]
    [5, 9, 12, 260, 4960]
    """
    reached = FIRST
    while (further := reached + min(max(1, reached // 5), 50)) <= count:
        reached = further
    return reached


@dataclass(frozen=True, slots=True)
class _LowFidelity:
    """A quantity's commonest lower fidelity: how many evaluations it has, and their surrogate."""

    count: int
    model: Model


class Surrogates:
    """Surrogates of the quantities that an evaluation measures.

    Args:
        problem: names the quantities.
        make_model: makes a quantity's model, in place of the Gaussian process of this module.
    """

    def __init__(self, problem: Problem, make_model: MakeModel | None = None) -> None:
        self.problem = problem
        self.make_model = make_model
        self.maps = {
            quantity.key: input_map(problem.space, problem.task_of(quantity))
            for quantity in problem.to_measure
        }
        """Quantity key → how architectures look to its surrogate: costs are those on its own task."""
        self.models: dict[str, Model] = {}
        """Quantity key → the posterior after the observations."""
        self._low: dict[str, _LowFidelity] = {}
        self._theta: dict[str, tuple[object, Floats]] = {}
        self._partial: Sequence[Observation] = ()
        self._success: SuccessModel | None = None

    def learn(
        self,
        completed: Sequence[CompletedTrial],
        finished: Sequence[Observation],
        partial: Sequence[Observation] = (),
        failed: Sequence[str] = (),
    ) -> None:
        """Conditions every surrogate on all observations.

        Args:
            completed: all trials, those of lower fidelities among them.
            finished: full ones with all values, in the order of observation.
            partial: full ones with some of the values: what they have is learned too.
            failed: architectures whose evaluation failed.
        """
        self._partial = partial
        self._success = self._learned_success(finished, failed)
        codes = self.problem.space.parse_many([observation.architecture for observation in finished])
        first = self.problem.objectives[0]
        order = first.sign * values_of(finished, first.key)
        self._low = self._low_fidelities(completed)
        most = min(LEARNED, IN_ALL // max(len(self.problem.to_measure), 1))
        for number, quantity in enumerate(self.problem.to_measure):
            reached = checkpoint(max(len(finished) - APART * number, FIRST))
            early = chosen_rows(reached, order[:reached], most)
            rows = np.concatenate([early, np.arange(reached, len(finished))])
            self.models[quantity.key] = self._learned(quantity, finished, codes, early, rows, reached)

    def marginals(self, key: str, codes: Codes, inputs: Matrix | None = None) -> tuple[Floats, Floats]:
        """Posterior means and variances (c,) of one quantity's normal scores, noise included.

        Args:
            key: of the quantity.
            codes: candidates (c, v).
            inputs: of the candidates on the quantity's task, where they are known already (c, f).
        """
        return marginals(self.models[key], self.inputs(key, codes, inputs))

    def inputs(self, key: str, codes: Codes, inputs: Matrix | None = None) -> Matrix:
        """Inputs (b, f) of one quantity's surrogate for codes (b, v), a lower fidelity's mean included."""
        known = self.maps[key](codes) if inputs is None else inputs
        if key not in self._low:
            return known
        wider: Floats = np.column_stack([known, marginals(self._low[key].model, known)[0]])
        return wider

    def log_success(self, codes: Codes, inputs: Matrix | None = None) -> Floats | None:
        """log P(an evaluation succeeds) (c,) of codes (c, v); None while none has failed.

        Args:
            codes: candidates.
            inputs: of the candidates on the problem's task, where they are known already (c, f).
        """
        if self._success is None:
            return None
        known = input_map(self.problem.space, self.problem.task)(codes) if inputs is None else inputs
        return self._success.log_probability(known)

    def _learned_success(self, finished: Sequence[Observation], failed: Sequence[str]) -> SuccessModel | None:
        if not failed:
            return None
        names = [*(observation.architecture for observation in finished), *failed]
        succeeded = np.concatenate([np.ones(len(finished)), np.zeros(len(failed))])
        look = input_map(self.problem.space, self.problem.task)
        groups = Groups.of(look.sizes, look.log_lengthscales)
        # Of thousands the failures and the latest others: they stand at the end.
        return SuccessModel(look(self.problem.space.parse_many(names)), succeeded, groups)

    def _learned(
        self,
        quantity: Quantity,
        finished: Sequence[Observation],
        codes: Codes,
        early: Rows,
        rows: Rows,
        reached: int,
    ) -> Model:
        """One quantity's model: hyperparameters of the ``early`` rows, conditioned on all ``rows``."""
        key = quantity.key
        values = values_of(finished, key)
        x = np.asarray(self.inputs(key, codes[rows]), dtype=np.float64)
        y = normal_scores(values)[rows]
        if self.make_model is not None:
            return self.make_model(as_tensor(x), as_tensor(y)[:, None])
        groups = Groups.of(self.maps[key].sizes, self.maps[key].prior_log_lengthscales(quantity))
        if key in self._low:
            groups = groups.with_one(LOW_FIDELITY_LENGTH)
        names = [observation.architecture for observation in finished[:reached]]
        # Labels too: a repeated measurement changes them.
        question = (names, values[:reached].tolist(), self._low[key].count if key in self._low else 0)
        if self._theta.get(key, (None,))[0] != question:
            labels = normal_scores(values[:reached])[early]
            self._theta[key] = question, _fitted(x[: len(early)], labels, groups)
        theta = self._theta[key][1]
        noise = _noise_of(key, [finished[int(row)] for row in rows], NormalScores.fit(values), theta)
        more = [observation for observation in self._partial if key in observation.values]
        if more:
            scale = NormalScores.fit(values)
            codes = self.problem.space.parse_many([observation.architecture for observation in more])
            x = np.concatenate([x, self.inputs(key, codes)])
            y = np.concatenate([y, scale.transform(values_of(more, key))])
            if noise is not None:
                noise = np.concatenate([noise, np.full(len(more), np.exp(theta[-1]))])
        return exact_gp(x, y, groups, theta, noise)

    def _low_fidelities(self, completed: Sequence[CompletedTrial]) -> dict[str, _LowFidelity]:
        """Quantity key → its commonest lower fidelity, where it has enough evaluations."""
        cheap = [
            trial.observation
            for trial in completed
            if not trial.failed and trial.observation.fidelity != FULL
        ]
        found = {}
        for quantity in self.problem.to_measure:
            with_key = [observation for observation in cheap if quantity.key in observation.values]
            names = [observation.fidelity for observation in with_key]
            if not names:
                continue
            commonest = max(sorted(set(names)), key=names.count)
            own = [observation for observation in with_key if observation.fidelity == commonest][-LEARNED:]
            if len(own) < LOW_FIDELITY_FROM:
                continue
            known = self._low.get(quantity.key)
            if known is not None and known.count == len(own) < LEARNED:
                found[quantity.key] = known
                continue
            look = self.maps[quantity.key]
            x = look(self.problem.space.parse_many([observation.architecture for observation in own]))
            y = normal_scores(values_of(own, quantity.key))
            groups = Groups.of(look.sizes, look.prior_log_lengthscales(quantity))
            found[quantity.key] = _LowFidelity(len(own), exact_gp(x, y, groups, _fitted(x, y, groups)))
        return found


def _noise_of(
    key: str, observations: Sequence[Observation], scale: NormalScores, theta: Floats
) -> Floats | None:
    """Noise variances (n,) of normal scores; None where every value is one measurement of unknown spread.

    That of a mean of m measurements is an m-th of one's; a standard error that was told, or follows from the
    repeats, takes its place where it is larger, on the slope of the scores.
    """
    counts = np.ones(len(observations))
    errors = np.zeros(len(observations))
    for row, observation in enumerate(observations):
        said = observation.details
        counts[row] = _detail(said.get(COUNT), key, 1.0)
        errors[row] = _detail(said.get(ERROR), key, 0.0)
    if (counts == 1).all() and not errors.any():
        return None
    values = values_of(observations, key)
    told = (scale.transform(values + errors) - scale.transform(values - errors)) / 2
    noise: Floats = np.maximum(np.exp(theta[-1]) / counts, told**2)
    return noise


def _detail(said: object, key: str, otherwise: float) -> float:
    value = said.get(key, otherwise) if isinstance(said, Mapping) else otherwise
    return float(value)


def _fitted(x: Floats, y: Floats, groups: Groups) -> Floats:
    """Hyperparameters on at most :data:`FITTED_ON` of the labels, evenly chosen."""
    rows = np.arange(len(y))
    if len(rows) > FITTED_ON:
        rows = np.unique(np.linspace(0, len(rows) - 1, FITTED_ON).astype(np.int64))
    return fit_hyperparameters(x[rows], y[rows], groups, iterations=ITERATIONS)
