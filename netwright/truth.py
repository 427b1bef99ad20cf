"""True values of every architecture of a design problem, from a table, so that a search can be evaluated."""

from dataclasses import dataclass

import numpy as np

from benchmarks.tables import Tables
from search.feasibility.exact_bounds import draw_feasible
from search.problem import Problem
from spaces.metric import Quantity
from spaces.space import Bools, Codes, Floats


@dataclass(frozen=True, slots=True)
class Truth:
    """All architectures that the table measured in full.

    Shapes:
        codes: (n, v)
        objective: (n,), the first objective
        costs: quantity key → (n,), of each bound
        holds: (n,), whether every bound holds
    """

    problem: Problem
    tables: Tables
    codes: Codes
    objective: Floats
    costs: dict[str, Floats]
    holds: Bools

    @classmethod
    def of(cls, problem: Problem, tables: Tables) -> "Truth":
        """Reads the columns that the problem needs.

        Raises:
            TableUnavailable: where a table is absent.
        """
        codes = tables.architectures(problem.space.name, problem.objectives[0].key)
        columns = {quantity.key: _values(problem, tables, quantity, codes) for quantity in problem.quantities}
        complete = np.all([np.isfinite(column) for column in columns.values()], axis=0)
        codes = codes[complete]
        columns = {key: column[complete] for key, column in columns.items()}
        holds = problem.gap(codes) <= 0
        for bound in problem.constraints:
            holds &= np.array([bound.holds(value) for value in columns[bound.quantity.key].tolist()])
        return cls(
            problem,
            tables,
            codes,
            columns[problem.objectives[0].key],
            {bound.quantity.key: columns[bound.quantity.key] for bound in problem.constraints},
            holds,
        )

    @property
    def best(self) -> float:
        """The best true objective of an architecture within all bounds."""
        within = self.objective[self.holds]
        return float(within.max() if self.problem.objectives[0].sign > 0 else within.min())

    def of_strings(self, architectures: list[str]) -> tuple[dict[str, Floats], Bools]:
        """True values by key, (b,) each, and whether every bound holds (b,); NaN where not measured."""
        codes = self.problem.space.parse_many(architectures)
        values = {
            quantity.key: _values(self.problem, self.tables, quantity, codes)
            for quantity in self.problem.quantities
        }
        holds = np.ones(len(codes), dtype=bool)
        for bound in self.problem.constraints:
            holds &= np.array(
                [bound.holds(value) for value in values[bound.quantity.key].tolist()], dtype=bool
            )
        return values, holds

    def random_search(self, evaluations: int, seed: int) -> Codes:
        """Random search: distinct architectures drawn uniformly within the exact bounds, (m, v)."""
        rng = np.random.default_rng(seed)
        return draw_feasible(self.problem, evaluations, rng, exclude=self.codes[:0])

    def distance(self, codes: Codes) -> float:
        """How far the best of codes (b, v) within all bounds is behind the table's best; NaN without one."""
        values, holds = self.of_strings(self.problem.space.format(codes))
        objective = self.problem.objectives[0]
        reached = values[objective.key][holds]
        if not len(reached):
            return float("nan")
        return self.best - float(reached.max()) if objective.sign > 0 else float(reached.min()) - self.best


def _values(problem: Problem, tables: Tables, quantity: Quantity, codes: Codes) -> Floats:
    """True values (b,) of a quantity: exact where the space computes it, else measured."""
    if problem.is_exact(quantity):
        return problem.exact(quantity, codes)
    return tables.values(problem.space.name, quantity.key, codes)
