"""The external evaluator: whoever asks the API for architectures evaluates them, on machines of their own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from networks.options import limited, read_options
from search.evaluator import Bench, NamedEvaluator, Stopped
from search.evaluators import EVALUATORS
from search.problem import Problem
from spaces.metric import METRICS, Observation, Quantity

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ExternalOptions:
    """How architectures are handed out.

    Args:
        lease_seconds: without a heartbeat for so long, an evaluation is handed to someone else.
        attempts: how often one is handed out at most.
    """

    lease_seconds: float = limited(120.0, low=1.0, high=2_592_000.0)
    attempts: int = limited(3, low=1, high=100)


@EVALUATORS.register
class ExternalEvaluator(NamedEvaluator):
    """Any metric, on any task and device: clients measure it.

    Args:
        problem: what it is for.
        quantities: which of them.
        options: of the leases.
        bench: where evaluations are handed out.
    """

    name: ClassVar[str] = "external"
    measures: ClassVar[tuple[str, ...]] = tuple(METRICS)
    any_task: ClassVar[bool] = True
    any_device: ClassVar[bool] = True
    slow: ClassVar[bool] = True
    source = "external"

    def __init__(
        self, problem: Problem, quantities: Sequence[Quantity], options: ExternalOptions, bench: Bench
    ) -> None:
        self.problem, self.quantities, self.options, self.bench = problem, quantities, options, bench

    @classmethod
    def read_options(cls, given: object, path: str) -> ExternalOptions:
        """See :class:`ExternalOptions`."""
        return read_options(ExternalOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """Nothing speaks against it: whether anyone asks for work nobody knows beforehand."""
        return None

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """Hands the quantities out."""
        return cls(problem, quantities, options, bench)

    def offer(self, architecture: str) -> None:
        """Hands an architecture out, with all that a client needs to know."""
        space, problem = self.problem.space, self.problem
        order: dict[str, object] = {
            "space": space.network_space.public_name,
            "task": problem.task,
            "variables": dict(space.to_variables(space.parse(architecture))),
            "quantities": {quantity.key: _told(quantity) for quantity in self.quantities},
        }
        assert self.bench.remote is not None
        self.bench.remote.hand_out(architecture, order, self.options.lease_seconds, self.options.attempts)

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """Waits until a client has told the values, or why there are none."""
        remote = self.bench.remote
        if remote is None:
            failed = "nobody outside can be asked here; order the design over HTTP"
            return Observation(architecture, {}, self.source, failed)
        self.offer(architecture)
        while (seen := remote.collect(architecture)) is None:
            if should_stop():
                raise Stopped("stopped while an evaluation was outside")
            time.sleep(POLL_SECONDS)
        return seen


def _told(quantity: Quantity) -> dict[str, object]:
    """What a client is told of a quantity."""
    metric = quantity.definition
    return {
        "metric": quantity.metric,
        "task": quantity.task,
        "device": quantity.device,
        "unit": metric.unit,
        "direction": metric.direction.value,
        "range": list(metric.range),
    }
