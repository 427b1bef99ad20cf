"""The composite evaluator: each metric from an evaluator of its own, an accuracy here, a latency there."""

import time
from collections.abc import Callable, Mapping, Sequence

from search.evaluator import Bench, Evaluator
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.evaluation import Spec, evaluator_name
from spaces.metric import Observation, Quantity


class CompositeEvaluator(Evaluator):
    """Asks several evaluators one after another, puts their values together and adds the exact ones.

    Nothing slow is begun for an architecture that the others showed to be outside a bound.

    Args:
        problem: what is measured for.
        parts: each measures other quantities.
        slow: how many of the parts, the last ones, are worth sparing.
    """

    def __init__(self, problem: Problem, parts: Sequence[Evaluator], slow: int = 0) -> None:
        self.problem = problem
        self.parts = tuple(parts)
        self.quick = len(self.parts) - slow
        self.source = "+".join(part.source for part in self.parts) or "exact"
        self.spares = bool(problem.measured_constraints) and 0 < self.quick < len(self.parts)
        """Whether an evaluation may end before its slow parts."""

    def about(self) -> dict[str, object]:
        """What each part measures and on what."""
        return {"source": self.source, "parts": [part.about() for part in self.parts]}

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """All values; ``failed`` with the first part that has none, and then the later ones are not asked.

        ``failed`` with what was measured where that lies outside a bound and a slow part is spared.
        """
        began, details = time.perf_counter(), dict[str, object]()
        codes = self.problem.space.parse(architecture)[None]
        values = {
            quantity.key: float(self.problem.exact(quantity, codes)[0])
            for quantity in self.problem.quantities
            if self.problem.is_exact(quantity)
        }
        spent = 0.0
        for number, part in enumerate(self.parts):
            if number == self.quick and (outside := self._outside(values)) is not None:
                return Observation(architecture, values, self.source, outside, seconds=spent, details=details)
            seen = part.evaluate(architecture, should_stop)
            details |= seen.details
            spent += seen.seconds
            if seen.failed is not None:
                failed = f"{part.source}: {seen.failed}"
                return Observation(architecture, {}, self.source, failed, seconds=spent, details=details)
            values |= seen.values
        seconds = max(spent, time.perf_counter() - began)
        return Observation(architecture, values, self.source, seconds=seconds, details=details)

    def _outside(self, values: Mapping[str, float]) -> str | None:
        """Which bound a measured value breaks, for a person; None where none does."""
        for bound in self.problem.measured_constraints:
            value = values.get(bound.quantity.key)
            if value is not None and not bound.holds(value):
                limit = f"at most {bound.max:g}" if bound.max is not None else f"at least {bound.min:g}"
                left = ", ".join(part.source for part in self.parts[self.quick :])
                return f"{bound.quantity.key} is {value:.4g}, {limit} is asked for; {left} was not begun"
        return None


def parts_of(problem: Problem, spec: Spec) -> dict[str, list[Quantity]]:
    """Evaluator's name → the quantities that it must measure, the cheapest evaluator first.

    Raises:
        KeyError: no evaluator is named for a metric.
    """
    parts: dict[str, list[Quantity]] = {}
    for quantity in problem.to_measure:
        parts.setdefault(evaluator_name(spec, quantity.metric), []).append(quantity)
    return dict(sorted(parts.items(), key=lambda item: EVALUATORS.get(item[0]).slow))


def make_evaluator(
    problem: Problem, spec: Spec, options: Mapping[str, object], bench: Bench, seed: int
) -> Evaluator:
    """The evaluator that a request names, for everything of a problem that must be measured.

    Args:
        problem: of the request.
        spec: an evaluator's name, or metric → name.
        options: evaluator's name → its options, as the request has them.
        bench: what evaluators work with.
        seed: of what is random in them.

    Raises:
        InvalidOptions: options that make no sense.
        KeyError: no evaluator is named for a metric, or one that nobody knows.
    """
    made: list[Evaluator] = []
    slow = 0
    for name, quantities in parts_of(problem, spec).items():
        cls = EVALUATORS.get(name)
        read = cls.read_options(options.get(name), f"evaluator_options.{name}")
        made.append(cls.make(problem, quantities, read, bench, seed))
        slow += cls.slow
    return CompositeEvaluator(problem, made, slow)
