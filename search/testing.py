"""The conformance suite of strategies: a new one joins with one class.

Example:
    class TestMine(StrategySuite):
        make = MyStrategy
"""

from collections.abc import Callable

import numpy as np

from search.problem import Problem
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial
from spaces.metric import Constraint, Observation, Quantity
from spaces.space import get_space

ACCURACY = Quantity("accuracy", task="cifar10")


def problem(max_params_m: float = 0.8) -> Problem:
    """Accuracy under a bound on parameters in nasbench201."""
    bound = Constraint(Quantity("params_m"), max=max_params_m)
    return Problem(get_space("nasbench201"), "cifar10", (ACCURACY,), (bound,))


def completed(about: Problem, architectures: list[str]) -> list[CompletedTrial]:
    """Trials with a value that depends on depth and cost, so that there is something to learn."""
    codes = about.space.parse_many(architectures)
    statistics = about.space.statistics(codes)
    values = 80 + np.log(statistics["macs_m"]) + statistics["depth"]
    return [
        CompletedTrial(
            Observation(
                architecture,
                {"accuracy@cifar10": float(value), "params_m": float(params)},
                "test",
            )
        )
        for architecture, value, params in zip(architectures, values, statistics["params_m"], strict=True)
    ]


class StrategySuite:
    """What every strategy promises; collected by pytest from a subclass whose name starts with Test."""

    make: Callable[..., Strategy]

    def grown(self, steps: int, seed: int = 0) -> tuple[Strategy, list[str]]:
        """A strategy after so many evaluations, and what it suggested."""
        about = problem()
        strategy = type(self).make(about, seed=seed)
        trace: list[str] = []
        for _ in range(steps):
            suggestion = strategy.suggest(1)
            trace += suggestion
            strategy.observe(completed(about, suggestion))
        return strategy, trace

    def test_suggestions_are_new_canonical_and_within_the_exact_bounds(self) -> None:
        strategy, trace = self.grown(9)
        assert len(set(trace)) == 9
        codes = strategy.problem.space.parse_many(trace)
        assert strategy.problem.space.format(codes) == trace
        assert (strategy.problem.gap(codes) == 0).all()

    def test_a_batch_is_distinct_and_avoids_pending_trials(self) -> None:
        strategy, _ = self.grown(7)
        first = strategy.suggest(3)
        strategy.observe([], [PendingTrial(architecture) for architecture in first])
        second = strategy.suggest(3)
        assert len({*first, *second}) == 6

    def test_continues_from_observations_as_if_never_interrupted(self) -> None:
        _, whole = self.grown(8)
        about = problem()
        successor = type(self).make(about, seed=0)
        successor.observe(completed(about, whole[:6]))
        assert successor.suggest(1) == [whole[6]]

    def test_a_failed_evaluation_is_survived_and_not_repeated(self) -> None:
        strategy, trace = self.grown(7)
        suggestion = strategy.suggest(1)
        strategy.observe([CompletedTrial(Observation(suggestion[0], {}, "test", failed="out of memory"))])
        assert strategy.suggest(1)[0] not in {*trace, *suggestion}

    def test_says_when_nothing_is_left(self) -> None:
        about = problem(max_params_m=0.01)
        try:
            type(self).make(about, seed=0).suggest(1)
        except Exhausted:
            return
        raise AssertionError("suggested something although no member satisfies the bounds")
