"""Bounds on what an evaluation measures, learned from what it measured: so that few trainings are ordered in
vain.

Of several evaluators the quick ones are asked first (:mod:`search.run.composite`), and an architecture that
one of them shows outside a bound is not trained. From :data:`LEARNED_FROM` measurements on, architectures
that are probably outside are not suggested either: a predictor of each bounded quantity learns all that was
measured of it, of the architectures that were spared too.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from predictors.calibration.feasibility import feasible_probability
from predictors.predictor import NotEnoughLabels, Predictor
from search.problem import Predictions, Problem
from spaces.metric import Observation, Quantity
from spaces.space import Codes, Floats

LEARNED_FROM = 5
"""Measurements of a quantity."""
LEARNED = 500
"""The latest, that a predictor learns."""
PROBABLE = 0.5
"""Chance of holding the bounds from which on an architecture is worth a measurement."""
BEST = 0.05
"""Share of the architectures that are worth one in any case: the most probable ones."""
REFERENCE = 2000
"""Uniform draws that these are told by."""


def spared(observation: Observation) -> bool:
    """Whether an evaluation ended early: what was measured first lay outside a bound."""
    return observation.failed is not None and bool(observation.values)


class MeasuredFirst:
    """Predictions of a problem (:class:`search.problem.Predictions`) and what was measured of its bounds.

    Args:
        problem: whose measured bounds are learned.
        inner: what models say of its predicted quantities; None where there are none.
        learned: bounded quantity's key → a predictor of it.
    """

    def __init__(
        self,
        problem: Problem,
        inner: Predictions | None = None,
        learned: Mapping[str, Predictor] | None = None,
    ) -> None:
        self.problem, self.inner = problem, inner
        self.learned: Mapping[str, Predictor] = learned or {}
        self.models: Mapping[str, Predictor] = {} if inner is None else inner.models
        """Of the predicted quantities, by key."""
        self._relaxed: MeasuredFirst | None = None
        self._least: float | None = None

    def gap(self, codes: Codes) -> Floats:
        """How far codes (b, v) are from what is asked of predicted bounds, and from being worth measuring."""
        gaps = np.zeros(len(codes)) if self.inner is None else self.inner.gap(codes).copy()
        if self.learned:
            gaps += np.maximum(self._worth() - self._probability(codes), 0.0)
        return gaps

    def mean(self, quantity: Quantity, codes: Codes) -> Floats:
        """Predicted values (b,) of a quantity that nothing measures."""
        assert self.inner is not None
        return self.inner.mean(quantity, codes)

    def relaxed(self) -> Predictions:
        """The same with predicted bounds that need only hold as probably as not; always the same object."""
        if self._relaxed is None:
            inner = None if self.inner is None else self.inner.relaxed()
            self._relaxed = MeasuredFirst(self.problem, inner, self.learned)
        return self._relaxed

    def refined(self, observations: Sequence[Observation], new: int) -> Predictions:
        """After all observations, the last ``new`` of which are news; a function of these alone, so that a
        search that continues from stored ones has the same predictors."""
        inner = None if self.inner is None else self.inner.refined(observations, new)
        news = observations[len(observations) - new :] if new else ()
        bounded = {bound.quantity.key for bound in self.problem.measured_constraints}
        if any(spared(each) for each in news) or (self.learned and any(each.values for each in news)):
            return MeasuredFirst(self.problem, inner, self._learned(observations, bounded))
        return self if inner is self.inner else MeasuredFirst(self.problem, inner, self.learned)

    def _probability(self, codes: Codes) -> Floats:
        """P(every measured bound holds) of codes (b, v), (b,), as far as something is known."""
        held = np.ones(len(codes))
        for bound in self.problem.measured_constraints:
            if (model := self.learned.get(bound.quantity.key)) is not None:
                held *= feasible_probability(model, codes, bound)
        return held

    def _worth(self) -> float:
        """The probability from which on an architecture is measured."""
        if self._least is None:
            space = self.problem.space
            drawn = self._probability(space.sample(REFERENCE, np.random.default_rng(0)))
            self._least = min(PROBABLE, float(np.quantile(drawn, 1 - BEST)))
        return self._least

    def _learned(self, observations: Sequence[Observation], keys: set[str]) -> Mapping[str, Predictor]:
        """A predictor of each quantity that has enough measurements."""
        from predictors.kinds.gbdt import GbdtPredictor, cost_options  # it loads XGBoost

        found: dict[str, Predictor] = {}
        for quantity in self.problem.to_measure:
            key = quantity.key
            seen = [each for each in observations if key in each.values][-LEARNED:]
            if key not in keys or len(seen) < LEARNED_FROM:
                continue
            codes = self.problem.space.parse_many([each.architecture for each in seen])
            values = np.array([each.values[key] for each in seen])
            options = cost_options(self.problem.space) if quantity.device is not None else None
            task = self.problem.task_of(quantity)
            with suppress(NotEnoughLabels):
                found[key] = GbdtPredictor(self.problem.space, task=task, options=options).fit(codes, values)
        return found
