"""The table evaluator: looks measured truth up in a benchmark."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from benchmarks.tables import Tables
from networks.options import InvalidOptions, OptionError
from search.evaluator import Bench, NamedEvaluator, register
from search.problem import Problem
from spaces.metric import Observation, Quantity

LARGEST_COVERED = 100_000
"""Members of a space beyond which a table is a sample: most of what a search proposes is not in it."""


@register
class TableEvaluator(NamedEvaluator):
    """Looks up quantities of a problem.

    Args:
        problem: what it is for.
        tables: where to look.
        quantities: what to look up; everything that must be measured unless said otherwise.
    """

    name: ClassVar[str] = "table"
    source = "table"

    def __init__(
        self, problem: Problem, tables: Tables, quantities: Sequence[Quantity] | None = None
    ) -> None:
        self.problem = problem
        self.tables = tables
        self._keys = [quantity.key for quantity in quantities or problem.to_measure]
        columns = {column.key: column for column in tables.columns(problem.space.network_space.name)}
        self.source = "table:" + "+".join(
            sorted({columns[key].table for key in self._keys if key in columns})
        )

    @classmethod
    def read_options(cls, given: object, path: str) -> Mapping[str, object]:
        """It has none."""
        if given not in ({}, None):
            raise InvalidOptions([OptionError(path, "the table evaluator has no options", "leave it out")])
        return {}

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
        if quantity.key not in keys:
            return f"no table holds {quantity.key}", f"the tables of {space} hold {', '.join(keys)}"
        unavailable = bench.tables.available(space, quantity.key)
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
        return cls(problem, bench.tables, quantities)

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """The architecture's row; ``failed`` where the table has none."""
        began = time.perf_counter()
        space = self.problem.space
        codes = space.parse(architecture)[None]
        name, networks = space.network_space.name, space.networks(codes)
        values = {key: float(self.tables.values(name, key, networks)[0]) for key in self._keys}
        absent = [key for key, value in values.items() if np.isnan(value)]
        if absent:
            return Observation(architecture, {}, self.source, failed=f"not in the table: {', '.join(absent)}")
        for quantity in self.problem.quantities:
            if self.problem.is_exact(quantity):
                values[quantity.key] = float(self.problem.exact(quantity, codes)[0])
        return Observation(architecture, values, self.source, seconds=time.perf_counter() - began)
