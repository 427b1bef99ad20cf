"""Predicted bounds in a search: an architecture that does not hold them confidently counts as infeasible.

An evaluation may take hours, so nothing is evaluated that a model expects to break a bound. The problem's gap
(:meth:`search.problem.Problem.gap`) is positive for such an architecture, and strategies treat it as they
treat exact bounds.
"""

import copy
from collections.abc import Mapping, Sequence

import numpy as np

from predictors.predictor import NotEnoughLabels, Predictor
from search.feasibility.confidence import bounds_of, confidence_of
from search.problem import Problem, relative_gap
from spaces.metric import Observation, Quantity
from spaces.space import Codes, Floats

KEPT = 200_000
"""Architectures whose distance to the bounds is cached."""
AS_PROBABLE = 1e-6
"""The relaxed confidence. Confidence counts misses twice, so above 0 a bound holds more probably than not."""
LEARNED = 500
"""Own measurements, the latest, that a model learns."""
MISS = 0.1
"""Weight of the predicted mean's own gap. It orders architectures whose confidence is 0."""


class PredictedBounds:
    """What models say of a problem's predicted quantities; see :class:`search.problem.Predictions`.

    Args:
        problem: names the quantities, the bounds and the confidence.
        models: of every predicted quantity.
        confidence: at which bounds must hold; the problem's unless said otherwise.
    """

    def __init__(
        self, problem: Problem, models: Mapping[str, Predictor], confidence: float | None = None
    ) -> None:
        self.confidence = problem.confidence if confidence is None else confidence
        self.problem = problem
        self.models: Mapping[str, Predictor] = {
            quantity.key: models[quantity.key] for quantity in problem.predicted
        }
        self.bounds = bounds_of(problem, self.models)
        self._begins = dict(self.models)
        self._relaxed: PredictedBounds | None = None
        self._gaps: dict[bytes, float] = {}

    def gap(self, codes: Codes) -> Floats:
        """See :class:`search.problem.Predictions`."""
        if not self.bounds:
            return np.zeros(len(codes))
        names = [row.tobytes() for row in codes]
        new = [row for row, name in enumerate(names) if name not in self._gaps]
        if new:
            if len(self._gaps) + len(new) > KEPT:
                self._gaps.clear()
                new = list(range(len(names)))
            found = self._far(codes[new]).tolist()
            self._gaps |= {names[row]: gap for row, gap in zip(new, found, strict=True)}
        return np.array([self._gaps[name] for name in names])

    def mean(self, quantity: Quantity, codes: Codes) -> Floats:
        """See :class:`search.problem.Predictions`."""
        return self.models[quantity.key].predict(codes, self.problem.confidence).mean

    def relaxed(self) -> "PredictedBounds":
        """See :class:`search.problem.Predictions`."""
        if self._relaxed is None:
            self._relaxed = PredictedBounds(self.problem, self.models, AS_PROBABLE)
        return self._relaxed

    def refined(self, observations: Sequence[Observation], new: int) -> "PredictedBounds":
        """See :class:`search.problem.Predictions`; the models begin anew with those of the search's start, so
        that a search that continues from stored observations has the same ones."""
        finished = [each for each in observations if each.failed is None]
        news = observations[len(observations) - new :] if new else ()
        keys = {key for each in news for key in each.values if key in self._begins}
        if not keys:
            return self
        models = dict(self.models)
        for quantity in self.problem.predicted:
            if quantity.key in keys:
                seen = {
                    each.architecture: each.values[quantity.key]
                    for each in finished
                    if quantity.key in each.values
                }
                models[quantity.key] = self._learned(quantity, list(seen.items())[-LEARNED:])
        found = PredictedBounds(self.problem, models)
        found._begins = self._begins
        return found

    def _learned(self, quantity: Quantity, seen: list[tuple[str, float]]) -> Predictor:
        """A quantity's first model with own measurements."""
        from search.bo.prior_mean import PriorMean  # it loads torch

        space, first = self.problem.space, self._begins[quantity.key]
        codes = space.parse_many([architecture for architecture, _ in seen])
        values = np.array([value for _, value in seen])
        try:
            return copy.copy(first).refine(codes, values)
        except NotEnoughLabels:
            # A shipped model does not hold the labels that it learned: it becomes the prior mean.
            task = self.problem.task_of(quantity)
            return PriorMean(space, base=first, quantity=quantity, same=True, task=task).fit(codes, values)

    def _far(self, codes: Codes) -> Floats:
        """What is missing of the asked confidence, and by how much the means miss the bounds."""
        sure = confidence_of(self.bounds, self.models, codes)
        missing = np.maximum(self.confidence - sure, 0.0)
        miss = np.zeros(len(codes))
        for bound in self.bounds:
            miss += relative_gap(bound, self.mean(bound.quantity, codes))
        found: Floats = np.where(missing > 0, missing + MISS * miss / (1 + miss), 0.0)
        return found
