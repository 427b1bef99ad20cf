"""Search that begins with a predictor of the objective as its prior, and corrects it by each observation.

The first architecture is the one with the best predicted mean. From then on the expected improvement over the
best observation decides, under the predictor as it has learned the observations
(:mod:`predictors.transfer.task_conditioned`).
"""

import copy
from collections.abc import Sequence

import numpy as np

from predictors.predictor import Predictor
from search.bo.candidates import LISTED, is_free, listed
from search.problem import Problem
from spaces.metric import Observation
from spaces.space import Codes, Floats

Predicted = dict[str, dict[str, float]]
"""Quantity key → mean and std."""


def accepts_prior(problem: Problem, key: str, flat: bool) -> bool:
    """Whether a predictor of one quantity can be the prior of a whole search: the quantity is the only
    objective, no bound is predicted, and the architectures can be listed.
    """
    alone = [quantity.key for quantity in problem.objectives] == [key]
    return alone and not problem.predicted_constraints and not flat and problem.space.size <= LISTED


def refined(model: Predictor, codes: Codes, values: Floats) -> Predictor:
    """A copy of a predictor that has learned further observations."""
    return copy.copy(model).refine(codes, values) if len(codes) else model


def with_fantasies(model: Predictor, codes: Codes) -> Predictor:
    """A copy of a predictor for which codes (w, v) came out as predicted (Ginsbourger et al. 2010)."""
    return refined(model, codes, model.predict(codes).mean) if len(codes) else model


class PriorSearch:
    """Chooses by a predictor and what it has learned in this search.

    Args:
        problem: for which :func:`accepts_prior`.
        prior: predicts the objective.
    """

    def __init__(self, problem: Problem, prior: Predictor) -> None:
        self.problem = problem
        self.prior = prior
        self._updated = prior
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
        from search.bo.tabulated import log_expected_improvement

        space, quantity = self.problem.space, self.problem.objectives[0]
        self._learn(finished)
        codes, _ = listed(self.problem)
        free = is_free(codes, taken)
        best = max((quantity.sign * each.values[quantity.key] for each in finished), default=None)
        model = with_fantasies(self._updated, pending)
        names, predicted = list[str](), list[Predicted]()
        while len(names) < count and free.any():
            prediction = model.predict(codes, self.problem.confidence)
            mean = quantity.sign * prediction.mean
            value: Floats = mean
            if best is not None:
                value = log_expected_improvement(mean, np.maximum(prediction.std, 1e-9), best)
            row = int(np.where(free, value, -np.inf).argmax())
            free[row] = False
            names += space.format(codes[row][None])
            entry = {"mean": float(prediction.mean[row]), "std": float(prediction.std[row])}
            predicted.append({quantity.key: entry})
            if best is not None and len(names) < count:
                best = max(best, float(mean[row]))
                model = with_fantasies(model, codes[row][None])
        return names, predicted

    def _learn(self, finished: Sequence[Observation]) -> None:
        """Takes in what is new; begins again where the past is another."""
        names = [observation.architecture for observation in finished]
        if names[: len(self._names)] != self._names:
            self._updated, self._names = self.prior, []
        new = finished[len(self._names) :]
        if new:
            key = self.problem.objectives[0].key
            codes = self.problem.space.parse_many([observation.architecture for observation in new])
            values = np.array([observation.values[key] for observation in new])
            self._updated = refined(self._updated, codes, values)
            self._names = names
