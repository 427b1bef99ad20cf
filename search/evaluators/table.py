"""The table evaluator: looks measured truth up in a benchmark."""

import time
from collections.abc import Callable

import numpy as np

from benchmarks.tables import Tables
from search.evaluator import Evaluator
from search.problem import Problem
from spaces.metric import Observation


class TableEvaluator(Evaluator):
    """Looks up every quantity of a problem; exact ones come from the space.

    Args:
        problem: what must be measured.
        tables: where to look.
    """

    source = "table"

    def __init__(self, problem: Problem, tables: Tables) -> None:
        self.problem = problem
        self.tables = tables
        columns = {column.key: column for column in tables.columns(problem.space.name)}
        self.source = "table:" + "+".join(
            sorted({columns[key].table for key in self._keys() if key in columns})
        )

    def _keys(self) -> list[str]:
        return [quantity.key for quantity in self.problem.to_measure]

    def evaluate(self, architecture: str, should_stop: Callable[[], bool]) -> Observation:
        """The architecture's row; ``failed`` where the table has none."""
        began = time.perf_counter()
        space = self.problem.space
        codes = space.parse(architecture)[None]
        values = {key: float(self.tables.values(space.name, key, codes)[0]) for key in self._keys()}
        absent = [key for key, value in values.items() if np.isnan(value)]
        if absent:
            return Observation(architecture, {}, self.source, failed=f"not in the table: {', '.join(absent)}")
        for quantity in self.problem.quantities:
            if self.problem.is_exact(quantity):
                values[quantity.key] = float(self.problem.exact(quantity, codes)[0])
        return Observation(architecture, values, self.source, seconds=time.perf_counter() - began)
