"""The loop: suggest, evaluate, observe, until the budget is spent. A plain function, no queue in sight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from search.evaluator import Evaluator, Stopped
from search.strategy import Exhausted, Strategy
from search.trial import CompletedTrial
from spaces.metric import Observation

__all__ = ["Event", "Stopped", "run"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

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
) -> list[Observation]:
    """Spends what is left of the budget, one evaluation at a time.

    Args:
        strategy: fresh; it is told of ``stored`` here.
        evaluator: measures.
        budget: evaluations in all, those stored included.
        stored: observations of an earlier run that was cut short; never evaluated again.
        on_event: called after every evaluation, before the next one begins.
        should_stop: asked before every evaluation.

    Returns:
        all observations, those stored first

    Raises:
        Stopped: when ``should_stop`` says so.
    """
    observations = list(stored)
    strategy.observe([CompletedTrial(observation) for observation in observations])
    while len(observations) < budget:
        if should_stop():
            raise Stopped(f"stopped after {len(observations)} of {budget} evaluations")
        try:
            (architecture,) = strategy.suggest(1)
        except Exhausted as end:
            on_event(Event("exhausted", len(observations), budget, str(end)))
            break
        foreseen = strategy.foresee(architecture)
        observation = evaluator.evaluate(architecture, should_stop)
        observations.append(observation)
        strategy.observe([CompletedTrial(observation)])
        said = observation.failed or ", ".join(
            f"{key} {value:.4g}" for key, value in observation.values.items()
        )
        on_event(
            Event(
                "observed",
                len(observations),
                budget,
                f"{architecture}: {said}",
                {
                    "architecture": architecture,
                    "values": observation.values,
                    "predicted": foreseen,
                    "source": observation.source,
                    "seconds": round(observation.seconds, 3),
                },
                (observation,),
            )
        )
    return observations
