"""Search that begins with predictors of what is observed as its priors, and corrects them as it observes.

The first architecture is the one with the best predicted mean. From then on the expected improvement over the
best observation decides, under the predictors as they have learned the observations
(:mod:`predictors.transfer.task_conditioned`, :mod:`search.bo.prior_mean`), times the probability that bounds
on what is measured hold. Several objectives are scalarized with random weights (:mod:`search.bo.chebyshev`).
"""

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

import numpy as np

from predictors.calibration.feasibility import feasible_probability
from predictors.predictor import NotEnoughLabels, Predictor
from search.bo.candidates import LISTED, is_free, listed, pooled
from search.problem import Problem
from spaces.metric import Observation, Quantity
from spaces.space import Codes, Floats

Predicted = dict[str, dict[str, float]]
"""Quantity key → mean and std."""
LEARNED_FROM = 5
"""Observations from which on a quantity without a prior is learned from them alone."""
SHORTLIST = 512
"""Candidates among which the later places of a batch are chosen."""
LEAST = 1e-12
EXACT = 1e-6
"""Standard deviation of what needs no measurement, in that of what is observed."""


def accepts_priors(problem: Problem, keys: Mapping[str, Predictor], flat: bool) -> bool:
    """Whether predictors of some quantities can be the prior of a whole search: an objective among them."""
    return not flat and any(quantity.key in keys for quantity in problem.objectives)


@runtime_checkable
class Fantasizes(Protocol):
    """A predictor that takes fantasies in without choosing its hyperparameters anew."""

    def with_fantasies(self, codes: Codes) -> Predictor:
        """A copy for which codes (w, v) came out as predicted."""


def refined(model: Predictor, codes: Codes, values: Floats) -> Predictor:
    """A copy of a predictor that has learned further observations."""
    return copy.copy(model).refine(codes, values) if len(codes) else model


def with_fantasies(model: Predictor, codes: Codes) -> Predictor:
    """A copy of a predictor for which codes (w, v) came out as predicted (Ginsbourger et al. 2010); the
    predictor itself where what it predicts could be no measurement."""
    if len(codes) and isinstance(model, Fantasizes):
        return model.with_fantasies(codes)
    try:
        return refined(model, codes, model.predict(codes).mean) if len(codes) else model
    except NotEnoughLabels:
        return model


def _predicts(model: Predictor) -> bool:
    """Whether a predictor can predict before it was fitted to a label."""
    try:
        model.predict(model.space.sample(1, np.random.default_rng(0)))
    except NotEnoughLabels:
        return False
    return True


class PriorSearch:
    """Chooses by predictors and what they have learned in this search.

    Args:
        problem: for which :func:`accepts_priors`.
        priors: quantity key → its predictor.
        seed: of the weights of several objectives, and of candidates where they cannot be listed.
    """

    def __init__(self, problem: Problem, priors: Mapping[str, Predictor], seed: int = 0) -> None:
        self.problem = problem
        self.priors = dict(priors)
        """Some of them may need observations before they predict."""
        self.seed = seed
        self._begins = {key: prior for key, prior in priors.items() if _predicts(prior)}
        self._updated = dict(self._begins)
        self._names: list[str] = []

    def choose(
        self, count: int, finished: Sequence[Observation], pending: Codes, taken: set[bytes]
    ) -> tuple[list[str], list[Predicted]]:
        """Up to ``count`` architectures that are not taken, and the prediction of each.

        Args:
            count: how many are wanted.
            finished: observations, in their order.
            pending: codes (w, v) that are being evaluated: fantasies at their predicted means.
            taken: rows not to be suggested.
        """
        space = self.problem.space
        self._learn(finished)
        models = {key: with_fantasies(model, pending) for key, model in self._updated.items()}
        codes = self._candidates(models, finished, taken, len(pending))
        free = is_free(codes, taken)
        front = self._front(finished)
        names, predicted = list[str](), list[Predicted]()
        while len(names) < count and free.any():
            values = self._values(models, codes, front, [len(finished), len(pending) + len(names)])
            row = int(np.where(free, values, -np.inf).argmax())
            free[row] = False
            chosen = codes[row][None]
            if not names and count > 1 and len(codes) > SHORTLIST:
                # Later places of a batch are chosen among the best by the first one's acquisition.
                best = np.argsort(-np.where(free, values, -np.inf), kind="stable")[
                    : max(SHORTLIST, 4 * count)
                ]
                codes, free = codes[best], free[best]
            names += space.format(chosen)
            prediction = {
                key: model.predict(chosen, self.problem.confidence) for key, model in models.items()
            }
            predicted.append(
                {
                    key: {"mean": float(each.mean[0]), "std": float(each.std[0])}
                    for key, each in prediction.items()
                }
            )
            if len(names) < count:
                if front is not None:
                    front = np.concatenate([front, self._objectives(models, chosen)[0]])
                models = {key: with_fantasies(model, chosen) for key, model in models.items()}
        return names, predicted

    def _candidates(
        self,
        models: Mapping[str, Predictor],
        finished: Sequence[Observation],
        taken: set[bytes],
        waiting: int,
    ) -> Codes:
        """All architectures within the bounds, or a pool of them."""
        if self.problem.space.size <= LISTED:
            return listed(self.problem)[0]
        rng = np.random.default_rng([self.seed, len(finished), waiting])
        front = self._front(finished)
        order = [len(finished), waiting]
        width = len(self.problem.space.variables)
        known = np.array([np.frombuffer(row, dtype=np.int8) for row in taken]).reshape(-1, width)
        best = self.problem.space.parse_many([each.architecture for each in finished])
        if len(best):
            best = best[np.argsort(-self._scores(finished)[:, 0], kind="stable")]
        return pooled(self.problem, lambda codes: self._values(models, codes, front, order), best, known, rng)

    def _values(
        self, models: Mapping[str, Predictor], codes: Codes, front: Floats | None, order: list[int]
    ) -> Floats:
        """What evaluating codes (c, v) is worth, (c,), logarithms."""
        mean, std = self._objectives(models, codes)
        values = self._log_feasible(models, codes)
        if mean.shape[1] > 1:
            return values + self._scalarized(mean, std, front, order)
        if front is None:
            scale = max(float(mean[:, 0].std()), 1e-9)
            result: Floats = values + mean[:, 0] / scale
            return result
        from search.bo.tabulated import log_expected_improvement

        return values + log_expected_improvement(mean[:, 0], np.maximum(std[:, 0], 1e-9), float(front.max()))

    def _scalarized(self, mean: Floats, std: Floats, front: Floats | None, order: list[int]) -> Floats:
        """Several objectives as one, with weights of their own for each suggestion."""
        from search.bo import chebyshev

        weights = chebyshev.random_weights(mean.shape[1], [self.seed, *order])
        if front is None:
            return chebyshev.scalarized(
                (mean - mean.mean(axis=0)) / np.maximum(mean.std(axis=0), 1e-9), weights
            )
        return np.log(np.maximum(chebyshev.expected_improvement(mean, std, front, weights), 1e-300))

    def _objectives(self, models: Mapping[str, Predictor], codes: Codes) -> tuple[Floats, Floats]:
        """Means and standard deviations (c, o) of codes (c, v), signed so that more is better.

        An objective of which nothing is known yet is 0 everywhere.
        """
        means, stds = [], []
        for quantity in self.problem.objectives:
            if quantity.key in models:
                prediction = models[quantity.key].predict(codes, self.problem.confidence)
                mean, std = prediction.mean, prediction.std
            elif quantity in self.problem.to_measure:
                mean, std = np.zeros(len(codes)), np.full(len(codes), EXACT)
            else:
                mean, std = self.problem.known(quantity, codes), np.full(len(codes), EXACT)
            means.append(quantity.sign * mean)
            stds.append(std)
        return np.stack(means, axis=1), np.stack(stds, axis=1)

    def _log_feasible(self, models: Mapping[str, Predictor], codes: Codes) -> Floats:
        """log P(every bound on what is measured holds), (c,), as far as something is known."""
        total = np.zeros(len(codes))
        for bound in self.problem.measured_constraints:
            if bound.quantity.key in models:
                held = feasible_probability(models[bound.quantity.key], codes, bound)
                total += np.log(np.maximum(held, LEAST))
        return total

    def _scores(self, finished: Sequence[Observation]) -> Floats:
        """Objectives (n, o) of observations, signed so that more is better; those outside come last."""
        values = np.stack([self.problem.signed_objectives(observation.values) for observation in finished])
        outside = np.array([not self.problem.feasible(observation) for observation in finished])
        values[outside] -= 1e6
        return values

    def _front(self, finished: Sequence[Observation]) -> Floats | None:
        """Objectives (p, o) of the observations within the bounds; None where there is none."""
        held = [each for each in finished if self.problem.feasible(each)]
        return self._scores(held) if held else None

    def _learn(self, finished: Sequence[Observation]) -> None:
        """Takes in what is new; begins again where the past is another."""
        names = [observation.architecture for observation in finished]
        if names[: len(self._names)] != self._names:
            self._updated, self._names = dict(self._begins), []
        new = finished[len(self._names) :]
        for quantity in self.problem.to_measure if new else ():
            seen = new if quantity.key in self._updated and quantity.key in self._begins else finished
            model = self._learned(quantity, seen)
            if model is not None:
                self._updated[quantity.key] = model
        self._names = names

    def _learned(self, quantity: Quantity, seen: Sequence[Observation]) -> Predictor | None:
        """A quantity's predictor with further observations; None where there are too few."""
        codes = self.problem.space.parse_many([observation.architecture for observation in seen])
        values = np.array([observation.values[quantity.key] for observation in seen])
        if quantity.key in self._begins:
            return refined(self._updated[quantity.key], codes, values)
        if quantity.key in self.priors:
            with suppress(NotEnoughLabels):
                return refined(self.priors[quantity.key], codes, values)
        if len(seen) < LEARNED_FROM:
            return None
        from predictors.kinds.gbdt import GbdtPredictor, cost_options  # it loads XGBoost

        options = cost_options(self.problem.space) if quantity.device is not None else None
        task = self.problem.task_of(quantity)
        try:
            return GbdtPredictor(self.problem.space, task=task, options=options).fit(codes, values)
        except NotEnoughLabels:
            return None
