"""The loop: suggest, evaluate, observe, until the budget is spent. A plain function, no queue in sight."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from search.abilities import Predicts
from search.evaluator import Evaluator, Stopped
from search.feasibility.measured_first import spared
from search.run.evaluation_pool import EvaluationPool
from search.run.measured import measured
from search.run.suggested import suggested
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial, PendingTrial
from spaces.metric import Observation

__all__ = ["Event", "Stopped", "run"]

POOL_SECONDS = 0.25
"""Seconds between two looks at the evaluation pool."""
SPARED = 10
"""Architectures for each evaluation of the budget that may turn out to be outside a bound before anything
slow was begun for them; they are no part of the budget."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run.

    Args:
        kind: ``observed`` or ``exhausted``.
        done: evaluations finished so far.
        total: the budget.
        message: for a person.
        data: for a program; finite numbers, strings, lists and objects.
        observations: what must be stored together with the event.
    """

    kind: str
    done: int
    total: int
    message: str
    data: dict[str, object] = field(default_factory=dict)
    observations: tuple[Observation, ...] = ()


def run(
    strategy: Strategy,
    evaluator: Evaluator,
    budget: int,
    *,
    stored: Sequence[Observation] = (),
    on_event: Callable[[Event], None] = lambda event: None,
    should_stop: Callable[[], bool] = lambda: False,
    pool: EvaluationPool | None = None,
    parallel: int = 1,
    unfinished: str | None = None,
    first: Sequence[str] = (),
) -> list[Observation]:
    """Spends what is left of the budget.

    Args:
        strategy: fresh; it observes ``stored`` here.
        evaluator: measures.
        budget: evaluations in all, those stored included; not those that ended before anything slow began
            (:func:`search.feasibility.measured_first.spared`).
        stored: observations of an earlier run that was cut short; never evaluated again.
        on_event: called after every evaluation, before the next one begins.
        should_stop: asked before every evaluation, and handed to it.
        pool: remote evaluators; with them suggestions depend on the order in which evaluations end.
        parallel: evaluations at the same time, this worker's own among them.
        unfinished: an architecture whose evaluation an earlier run began itself; it is the first one now.
        first: architectures that are evaluated before the strategy is asked.

    Returns:
        all observations, those stored first

    Raises:
        Stopped: when ``should_stop`` says so.
    """
    loop = _Loop(
        strategy=strategy,
        evaluator=evaluator,
        budget=budget,
        observations=list(stored),
        on_event=on_event,
        should_stop=should_stop,
        pool=pool,
        parallel=parallel if pool is not None else 1,
        first=first,
    )
    return loop.run(unfinished)


@dataclass(kw_only=True)
class _Loop:
    """A loop under way; what it is given is as in :func:`run`."""

    strategy: Strategy
    evaluator: Evaluator
    budget: int
    observations: list[Observation]
    on_event: Callable[[Event], None]
    should_stop: Callable[[], bool]
    pool: EvaluationPool | None
    parallel: int
    first: Sequence[str] = ()
    own: str | None = None
    """What this worker evaluates itself."""
    predicted: dict[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    exhausted: bool = False
    looked: float = 0.0
    """When it last looked after the pool."""

    def run(self, unfinished: str | None) -> list[Observation]:
        """Evaluates until nothing is left to do."""
        self.strategy.observe([CompletedTrial(observation) for observation in self.observations])
        known = {observation.architecture for observation in self.observations}
        if unfinished is not None and unfinished not in {*known, *self._pending()}:
            self.own = unfinished if self._spent() < self.budget else None
        while True:
            if self.should_stop():
                raise Stopped(f"stopped after {self._spent()} of {self.budget} evaluations")
            self._look_after_pool()
            if self.own is None:
                self.own = self._suggest() or (self.pool.take_back() if self.pool is not None else None)
            if self.own is not None:
                quantities = self.strategy.problem.quantities
                seen = measured(self.evaluator, self.own, self._should_stop, quantities)
                self.own = None
                self._observed(seen)
            elif self._pending():
                time.sleep(POOL_SECONDS)
            else:
                return self.observations

    def _pending(self) -> list[str]:
        """Architectures under evaluation now."""
        waiting = [] if self.pool is None else self.pool.waiting()
        return [*waiting, *([] if self.own is None else [self.own])]

    def _spent(self) -> int:
        """Evaluations of the budget so far."""
        return sum(not spared(observation) for observation in self.observations)

    def _suggest(self) -> str | None:
        """A new architecture to evaluate; None where the budget or the space is used up."""
        pending, spent = self._pending(), self._spent()
        if self.exhausted or spent + len(pending) >= self.budget:
            return None
        if len(self.observations) - spent >= SPARED * self.budget:
            self.exhausted = True
            message = f"{SPARED * self.budget} architectures were outside the bounds; no further are measured"
            self.on_event(Event("exhausted", spent, self.budget, message))
            return None
        known = {*pending, *(seen.architecture for seen in self.observations)}
        if (wanted := next((each for each in self.first if each not in known), None)) is not None:
            return wanted
        try:
            if pending:
                self.strategy.observe([], [PendingTrial(architecture) for architecture in pending])
            (architecture,) = suggested(self.strategy, 1)
        except Exhausted as end:
            self.exhausted = True
            self.on_event(Event("exhausted", spent, self.budget, str(end)))
            return None
        if isinstance(self.strategy, Predicts):
            self.predicted[architecture] = self.strategy.predicted(architecture)
        return architecture

    def _should_stop(self) -> bool:
        """Polled by a long evaluation; meanwhile it hands work to the evaluation pool."""
        if self.pool is not None and time.monotonic() - self.looked > POOL_SECONDS:
            self._look_after_pool()
        return self.should_stop()

    def _look_after_pool(self) -> None:
        if self.pool is None:
            return
        self.looked = time.monotonic()
        for observation in self.pool.collect():
            self._observed(observation)
        others = self.parallel - 1
        while len(self.pool.waiting()) < others and self._leaves_work_for_me():
            architecture = self._suggest()
            if architecture is None:
                return
            self.pool.hand_out(architecture)

    def _leaves_work_for_me(self) -> bool:
        """Whether an evaluation is left for this worker: it has one already, or the budget holds one more."""
        under_way = self._spent() + len(self._pending())
        return self.own is not None or under_way + 1 < self.budget

    def _observed(self, observation: Observation) -> None:
        """Takes in an evaluation, stores it and reports it."""
        self.observations.append(observation)
        pending = [PendingTrial(architecture) for architecture in self._pending()]
        self.strategy.observe([CompletedTrial(observation)], pending)
        said = observation.failed or ", ".join(
            f"{key} {value:.4g}" for key, value in observation.values.items()
        )
        self.on_event(
            Event(
                "observed",
                self._spent(),
                self.budget,
                f"{observation.architecture}: {said}",
                {
                    "architecture": observation.architecture,
                    "values": observation.values,
                    "predicted": self.predicted.pop(observation.architecture, {}),
                    "source": observation.source,
                    "seconds": round(observation.seconds, 3),
                },
                (observation,),
            )
        )
