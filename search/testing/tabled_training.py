"""A training without training: an evaluator that says what a table knows of the trained architecture.

For tests and comparisons that must see what a search spends trainings on. It is named in requests once this
module was imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from networks.options import limited, read_options
from search.evaluator import Bench, NamedEvaluator
from search.evaluators import EVALUATORS
from search.problem import Problem
from spaces.metric import Observation, Quantity


@dataclass(frozen=True, slots=True)
class TabledOptions:
    """Args:
    column: task of the table whose accuracies are those of every training.
    """

    column: str = limited("cifar10", kind=str)


@EVALUATORS.register
class TabledTraining(NamedEvaluator):
    """Accuracies of trainings on any data set, as a table has them of another one.

    Args:
        problem: what it is for.
        quantities: accuracies.
        column: the table's values (n,) for codes (n, v).
    """

    name: ClassVar[str] = "tabled-training"
    measures: ClassVar[tuple[str, ...]] = ("accuracy",)
    any_task: ClassVar[bool] = True
    slow: ClassVar[bool] = True

    def __init__(
        self, problem: Problem, quantities: Sequence[Quantity], column: Callable[[Any], Any]
    ) -> None:
        self.problem, self.quantities, self.column = problem, tuple(quantities), column
        self.source = self.name

    @classmethod
    def read_options(cls, given: object, path: str) -> TabledOptions:
        """See :class:`TabledOptions`."""
        return read_options(TabledOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """It knows accuracies of what is in the table."""
        key = f"accuracy@{options.column}"
        if quantity.metric != "accuracy":
            return f"a tabled training measures accuracies, not {quantity.key}", ""
        if key not in [column.key for column in bench.tables.columns(problem.space.name)]:
            return f"no table of {problem.space.name} holds {key}", ""
        unavailable = bench.tables.available(problem.space.name, key)
        return None if unavailable is None else (unavailable, "")

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """An evaluator by one column."""
        name, key = problem.space.name, f"accuracy@{options.column}"
        return cls(problem, quantities, lambda codes: bench.tables.values(name, key, codes))

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """The table's accuracy."""
        value = float(self.column(self.problem.space.parse(architecture)[None])[0])
        values = {quantity.key: value for quantity in self.quantities}
        return Observation(architecture, values, self.source, seconds=1e-3)
