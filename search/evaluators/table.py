"""The table evaluator: looks measured truth up in a benchmark."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from benchmarks.tables import Tables
from networks.options import limited, read_options
from search.evaluator import Bench, NamedEvaluator
from search.evaluators import EVALUATORS
from search.problem import Problem
from spaces.metric import Observation, Quantity
from spaces.space import ENUMERABLE

SECONDS = "train_seconds"
LARGEST_COVERED = ENUMERABLE
"""Architectures of a space beyond which a table is a sample: most of what a search proposes is not in it."""


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Which reading of a table is meant.

    Args:
        fidelity: of accuracies: ``12ep`` is the validation accuracy after 12 epochs, in tables that have it;
            None: the published one, on test examples after the whole training.
    """

    fidelity: str | None = limited(None, kind=str)


@EVALUATORS.register
class TableEvaluator(NamedEvaluator):
    """Looks up quantities of a problem.

    Where the table knows what a reading cost, the observation's seconds are those.

    Args:
        problem: what it is for.
        tables: where to look.
        quantities: what to look up; everything that must be measured unless said otherwise.
        options: which reading.
    """

    name: ClassVar[str] = "table"
    source = "table"

    def __init__(
        self,
        problem: Problem,
        tables: Tables,
        quantities: Sequence[Quantity] | None = None,
        options: TableOptions | None = None,
    ) -> None:
        self.problem = problem
        self.tables = tables
        self.options = options or TableOptions()
        self._read = {
            quantity.key: _reading(quantity, self.options) for quantity in quantities or problem.to_measure
        }
        """Quantity key → the column that holds it."""
        columns = {column.key: column for column in tables.columns(problem.space.network_space.name)}
        found = [reading.key for reading in self._read.values() if reading.key in columns]
        self.source = "table:" + "+".join(sorted({columns[key].table for key in found}))
        if self.options.fidelity is not None:
            self.source += f":{self.options.fidelity}"
        costs = [Quantity(SECONDS, task=reading.task).key for reading in self._read.values()]
        self._costs = [key for key in dict.fromkeys(costs) if key in columns]

    @classmethod
    def read_options(cls, given: object, path: str) -> TableOptions:
        """See :class:`TableOptions`."""
        return read_options(TableOptions, {} if given is None else given, path)

    @classmethod
    def why_not(
        cls, problem: Problem, quantity: Quantity, options: Any, bench: Bench
    ) -> tuple[str, str] | None:
        """No table holds the quantity, or it cannot be read."""
        space = problem.space.network_space.name
        if problem.space.name != space and quantity.device is None:
            hint = "name the evaluator training for what depends on the recipe"
            return f"tables hold no {quantity.key} of other recipes than their own", hint
        keys = [column.key for column in bench.tables.columns(space)]
        reading = _reading(quantity, options)
        if reading.key not in keys:
            at = "" if reading == quantity else f" at fidelity {options.fidelity}"
            return f"no table holds {quantity.key}{at}", f"the tables of {space} hold {', '.join(keys)}"
        unavailable = bench.tables.available(space, reading.key)
        if unavailable is not None:
            return f"{quantity.key} cannot be measured: {unavailable}", ""
        if problem.space.network_space.size > LARGEST_COVERED:
            hint = "ask for a design without evaluations, or name another evaluator"
            return f"the table holds only a sample of {space}, not what would be proposed", hint
        return None

    @classmethod
    def make(
        cls, problem: Problem, quantities: Sequence[Quantity], options: Any, bench: Bench, seed: int
    ) -> Self:
        """A look-up of the quantities."""
        return cls(problem, bench.tables, quantities, options)

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """The architecture's row; ``failed`` where the table has none."""
        began = time.perf_counter()
        space = self.problem.space
        codes = space.parse(architecture)[None]
        name, networks = space.network_space.name, space.networks(codes)
        values = {
            key: float(self.tables.values(name, reading.key, networks)[0])
            for key, reading in self._read.items()
        }
        absent = [key for key, value in values.items() if np.isnan(value)]
        if absent:
            return Observation(architecture, {}, self.source, failed=f"not in the table: {', '.join(absent)}")
        for quantity in self.problem.quantities:
            if self.problem.is_exact(quantity):
                values[quantity.key] = float(self.problem.exact(quantity, codes)[0])
        spent = [float(self.tables.values(name, key, networks)[0]) for key in self._costs]
        known = [seconds for seconds in spent if not np.isnan(seconds)]
        seconds = sum(known) if known else time.perf_counter() - began
        details: dict[str, object] = {}
        if self.options.fidelity is not None:
            details[self.name] = {"fidelity": self.options.fidelity, "table_seconds": known or None}
        return Observation(architecture, values, self.source, seconds=seconds, details=details)


def _reading(quantity: Quantity, options: TableOptions) -> Quantity:
    """The quantity as tables name it at a fidelity."""
    if quantity.metric != "accuracy" or options.fidelity is None:
        return quantity
    return Quantity(quantity.metric, task=f"{quantity.task}-valid-{options.fidelity}")
