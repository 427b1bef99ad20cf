"""The conformance suite of strategies: a new one joins with one line.

Example:
    TestMine = conformance("mine")
"""

from collections.abc import Callable
from typing import Self

import numpy as np
import pytest

from predictors.prediction import Prediction
from predictors.predictor import Predictor
from search.abilities import ABILITIES, AcceptsPrior, Predicts, StartsUniformly
from search.problem import Problem
from search.strategies import STRATEGIES
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial
from spaces.known import get_space
from spaces.metric import Constraint, Observation, Quantity
from spaces.space import Codes, Floats, Space

ACCURACY = Quantity("accuracy", task="cifar10")


def problem(max_params_m: float = 0.8) -> Problem:
    """Accuracy under a bound on parameters in nasbench201."""
    bound = Constraint(Quantity("params_m"), max=max_params_m)
    return Problem(get_space("nasbench201"), "cifar10", (ACCURACY,), (bound,))


def trade_off() -> Problem:
    """Accuracy against parameters in nasbench201, under a bound that must be measured."""
    bound = Constraint(Quantity("latency_ms", device="fpga"), max=6.0)
    objectives = (ACCURACY, Quantity("params_m"))
    return Problem(get_space("nasbench201"), "cifar10", objectives, (bound,))


def completed(about: Problem, architectures: list[str], fidelity: str = "full") -> list[CompletedTrial]:
    """Trials with a value that depends on depth and cost, so that there is something to learn."""
    codes = about.space.parse_many(architectures)
    statistics = about.space.statistics(codes)
    values = 80 + np.log(statistics["macs_m"]) + statistics["depth"]
    known = {
        "accuracy@cifar10": values,
        "params_m": statistics["params_m"],
        "latency_ms@fpga": 1 + statistics["depth"] + statistics["macs_m"] / 100,
    }
    return [
        CompletedTrial(
            Observation(
                architecture,
                {quantity.key: float(known[quantity.key][row]) for quantity in about.quantities},
                "test",
                fidelity=fidelity,
            )
        )
        for row, architecture in enumerate(architectures)
    ]


def conformance(name: str, *, warm: int = 7) -> type["StrategySuite"]:
    """The suite for a registered strategy, to be assigned to a name that begins with ``Test``.

    Args:
        name: of the strategy.
        warm: evaluations after which its own rule chooses, and not its first uniform draws.
    """
    return type(f"Test_{name}", (StrategySuite,), {"name": name, "make": STRATEGIES.get(name), "warm": warm})


class _Liking(Predictor):
    """A prior that predicts more for fewer parameters and ignores observations."""

    kind = "liking"

    def fit(self, codes: Codes, values: Floats) -> Self:
        return self

    def refine(self, codes: Codes, values: Floats) -> Self:
        return self

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        mean = 90 - self.space.statistics(codes)["params_m"]
        return Prediction(mean, np.full(len(mean), 0.1), mean - 0.2, mean + 0.2, confidence)

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        return (self.predict(codes).mean <= bound).astype(np.float64)

    def to_bytes(self) -> bytes:
        return b""

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        return cls(space)


class StrategySuite:
    """What every strategy promises; collected by pytest from a subclass whose name starts with Test."""

    name: str

    make: Callable[..., Strategy]
    warm: int = 7
    """Evaluations after which the strategy's own rule chooses, and not its first uniform draws."""

    def grown(self, steps: int, seed: int = 0, about: Problem | None = None) -> tuple[Strategy, list[str]]:
        """A strategy after so many evaluations, and what it suggested."""
        about = problem() if about is None else about
        strategy = type(self).make(about, seed=seed)
        trace: list[str] = []
        for _ in range(steps):
            suggestion = strategy.suggest(1)
            trace += suggestion
            strategy.observe(completed(about, suggestion))
        return strategy, trace

    def test_suggestions_are_new_canonical_and_within_the_exact_bounds(self) -> None:
        strategy, trace = self.grown(self.warm + 2)
        assert len(set(trace)) == self.warm + 2
        assert {type(architecture) for architecture in trace} == {str}
        codes = strategy.problem.space.parse_many(trace)
        assert strategy.problem.space.format(codes) == trace
        assert (strategy.problem.gap(codes) == 0).all()

    def test_a_batch_is_distinct_and_avoids_pending_trials(self) -> None:
        strategy, trace = self.grown(self.warm)
        first = strategy.suggest(3)
        strategy.observe([], [PendingTrial(architecture) for architecture in first])
        second = strategy.suggest(3)
        assert len({*trace, *first, *second}) == self.warm + 6

    def test_continues_from_observations_as_if_never_interrupted(self) -> None:
        _, whole = self.grown(self.warm + 1)
        about = problem()
        successor = type(self).make(about, seed=0)
        successor.observe(completed(about, whole[: self.warm - 1]))
        assert successor.suggest(1) == [whole[self.warm - 1]]
        successor.observe(completed(about, [whole[self.warm - 1]]))
        assert successor.suggest(1) == [whole[self.warm]]

    def test_to_suggest_changes_nothing(self) -> None:
        strategy, _ = self.grown(self.warm)
        assert strategy.suggest(2) == strategy.suggest(2)

    def test_another_seed_is_another_search(self) -> None:
        traces = {tuple(self.grown(3, seed=seed)[1]) for seed in range(3)}
        assert len(traces) > 1, "three seeds suggest the same"

    def test_a_failed_evaluation_is_survived_and_not_repeated(self) -> None:
        strategy, trace = self.grown(self.warm)
        for _ in range(3):
            suggestion = strategy.suggest(1)
            assert suggestion[0] not in trace
            trace += suggestion
            failed = Observation(suggestion[0], {}, "test", failed="out of memory")
            strategy.observe([CompletedTrial(failed)])

    def test_nothing_but_failures_ends_in_further_suggestions(self) -> None:
        strategy, trace = type(self).make(problem(), seed=0), []
        for _ in range(12):
            suggestion = strategy.suggest(1)
            assert suggestion[0] not in trace
            trace += suggestion
            strategy.observe([CompletedTrial(Observation(suggestion[0], {}, "test", failed="no"))])

    def test_several_objectives_and_a_measured_bound(self) -> None:
        strategy, trace = self.grown(self.warm + 1, about=trade_off())
        assert len({*trace, *strategy.suggest(2)}) == self.warm + 3

    def test_imported_observations_are_learned_from_and_not_suggested(self) -> None:
        about = problem(max_params_m=1.6)
        codes = about.space.enumerate()
        chosen = np.random.default_rng(3).choice(len(codes), size=self.warm + 5, replace=False)
        imported = about.space.format(codes[chosen])
        strategy = type(self).make(about, seed=0)
        strategy.observe(completed(about, imported))
        assert not {*strategy.suggest(4)} & {*imported}

    def test_a_lower_fidelity_informs_and_leaves_its_architecture_free(self) -> None:
        about = problem()
        cheap = [
            trial
            for architecture in self.grown(self.warm)[1]
            for trial in completed(about, [architecture], "12ep")
        ]
        strategy = type(self).make(about, seed=0)
        strategy.observe(cheap)
        first = strategy.suggest(2)
        strategy.observe(completed(about, first))
        assert not {*strategy.suggest(3)} & {*first}
        assert not len(strategy.finished()) > len(first)

    def test_a_noisy_objective_is_no_obstacle(self) -> None:
        about = problem()
        strategy, noise = type(self).make(about, seed=0), np.random.default_rng(0)
        for _ in range(self.warm + 2):
            (trial,) = completed(about, strategy.suggest(1))
            seen = trial.observation.values | {
                "accuracy@cifar10": trial.observation.values["accuracy@cifar10"] + noise.normal(0, 2)
            }
            strategy.observe([CompletedTrial(Observation(trial.architecture, seen, "test"))])

    def test_flat_optima_can_be_asked_for(self) -> None:
        about = problem()
        _, trace = self.grown(self.warm)
        strategy = type(self).make(about, seed=0, flat=True)
        strategy.observe(completed(about, trace))
        assert len({*trace, *strategy.suggest(2)}) == self.warm + 2

    def test_it_is_registered_under_its_name(self) -> None:
        strategy = type(self).make(problem(), seed=0)
        assert strategy.name == self.name in STRATEGIES.names()
        assert STRATEGIES.get(self.name) is type(strategy)

    def test_a_wrapped_strategy_loses_no_ability(self) -> None:
        strategy = type(self).make(problem(), seed=0)
        wrapped = [value for value in vars(strategy).values() if isinstance(value, Strategy)]
        for ability in ABILITIES:
            assert isinstance(strategy, ability) or not any(isinstance(own, ability) for own in wrapped)

    def test_a_prior_that_it_accepts_decides_what_comes_first(self) -> None:
        about = problem()
        strategy = type(self).make(about, seed=0)
        if not isinstance(strategy, AcceptsPrior):
            return
        strategy.accept_prior(_Liking(about.space))
        (first,) = strategy.suggest(1)
        everyone = about.space.enumerate()
        least = about.space.statistics(everyone)["params_m"].min()
        assert about.space.statistics(about.space.parse(first)[None])["params_m"][0] == least
        if isinstance(strategy, StartsUniformly):
            assert strategy.uniform_first() == 0

    def test_what_it_predicts_is_of_what_must_be_measured(self) -> None:
        about = trade_off()
        strategy, _ = self.grown(self.warm, about=about)
        if not isinstance(strategy, Predicts):
            return
        (architecture,) = strategy.suggest(1)
        predicted = strategy.predicted(architecture)
        assert predicted.keys() <= {quantity.key for quantity in about.to_measure}
        assert all({"mean", "std"} <= entry.keys() for entry in predicted.values())
        assert not strategy.predicted(about.space.example)

    def test_says_when_nothing_is_left(self) -> None:
        about = problem(max_params_m=0.01)
        with pytest.raises(Exhausted):
            type(self).make(about, seed=0).suggest(1)
