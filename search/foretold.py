"""Evaluations chosen by what a predictor foretells of a task, corrected by each of them.

The first is what the predictor believes in most. From then on the expected improvement over the best observed
decides, under the predictor as it has learned them so far (:mod:`predictors.task_conditioned`).
"""

import copy
from collections.abc import Sequence

import numpy as np

from predictors.predictor import Predictor
from search.acquisition import log_expected_improvement
from search.candidates import LISTED, is_free, listed
from search.problem import Problem
from spaces.metric import Observation
from spaces.space import Codes, Floats

Expectation = dict[str, dict[str, float]]


def is_foretold(problem: Problem, key: str, flat: bool) -> bool:
    """Whether a search is about nothing but what a predictor foretells, among members that can be listed."""
    alone = [quantity.key for quantity in problem.objectives] == [key]
    return alone and not problem.predicted_constraints and not flat and problem.space.size <= LISTED


def refined(model: Predictor, codes: Codes, values: Floats) -> Predictor:
    """A predictor that has learned further observations; the given one, which others read, stays as it is."""
    return copy.copy(model).refine(codes, values) if len(codes) else model


def believing(model: Predictor, codes: Codes) -> Predictor:
    """A predictor for which codes (w, v) came out as expected (Ginsbourger et al. 2010)."""
    return refined(model, codes, model.predict(codes).mean) if len(codes) else model


class Foretold:
    """The predictor of one search, with what it has learned in it.

    Args:
        problem: of one objective, for which :func:`is_foretold`.
        prior: foretells it.
    """

    def __init__(self, problem: Problem, prior: Predictor) -> None:
        self.problem = problem
        self.prior = prior
        self._updated = prior
        self._names: list[str] = []

    def choose(
        self, count: int, finished: Sequence[Observation], waiting: Codes, taken: set[bytes]
    ) -> tuple[list[str], list[Expectation]]:
        """Up to ``count`` members that are not taken, and what is expected of each.

        Args:
            count: how many are wanted.
            finished: observations, in their order.
            waiting: codes (w, v) that are being evaluated; they count as if they came out as expected.
            taken: rows not to be suggested.
        """
        space, quantity = self.problem.space, self.problem.objectives[0]
        self._learn(finished)
        codes, _ = listed(self.problem)
        free = is_free(codes, taken)
        best = max((quantity.sign * each.values[quantity.key] for each in finished), default=None)
        model, chosen = believing(self._updated, waiting), list[int]()
        names, expected = list[str](), list[Expectation]()
        while len(chosen) < count and free.any():
            told = model.predict(codes, self.problem.confidence)
            mean = quantity.sign * told.mean
            gain: Floats = mean
            if best is not None:
                gain = log_expected_improvement(mean, np.maximum(told.std, 1e-9), best)
            row = int(np.where(free, gain, -np.inf).argmax())
            free[row] = False
            chosen.append(row)
            names += space.format(codes[row][None])
            entry = {"mean": float(told.mean[row]), "std": float(told.std[row])}
            expected.append({quantity.key: entry})
            if best is not None and len(chosen) < count:
                best = max(best, float(mean[row]))
                model = believing(model, codes[row][None])
        return names, expected

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
