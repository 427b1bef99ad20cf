"""The expressions of a declaration, parsed and checked: conditions, rules and costs."""

from spaces.declared.declaration import Declaration, DeclaredVariable
from spaces.declared.reader import ENTRY
from spaces.declared.source import DeclarationError, DeclarationProblem, Path
from spaces.expression.check import Kind, Symbol, columns_used, kind_of
from spaces.expression.evaluate import Formula
from spaces.expression.syntax import ExpressionError, parse_expression

MAX_CONDITION_WORK = 60
MAX_RULE_WORK = 2_000
"""Operations of all rules together: each is tried for up to a million combinations of choices."""
MAX_COST_WORK = 10_000
_NUMBERS = (Kind.WHOLE, Kind.REAL)


class Formulas:
    """Everything that a declaration computes.

    Attributes:
        conditions: of each variable of the space; None for one that is always present.
        rules: message and condition.
        costs: name → formula, in the order of the declaration.
        controls: columns that conditions look at.
        ruled: columns that rules look at.

    Raises:
        DeclarationError: with every expression that means nothing.
    """

    def __init__(self, declaration: Declaration) -> None:
        self._declaration = declaration
        self._problems: list[DeclarationProblem] = []
        self._scope = _scope(declaration)
        self.conditions: list[Formula | None] = []
        for variable in declaration.variables:
            self.conditions += self._conditions(variable)
        self.rules: list[tuple[str, Formula]] = []
        for index, rule in enumerate(declaration.rules):
            formula = self._formula(("rules", index, "require"), rule.require, (Kind.TRUTH,), self._scope)
            if formula is not None:
                self.rules.append((rule.message, formula))
        self.costs: dict[str, Formula] = {}
        for cost in declaration.costs:
            path = ("costs", cost.name)
            formula = self._formula(path, cost.formula, _NUMBERS, self._scope)
            if formula is not None:
                self.costs[cost.name] = formula
        self._bound(("rules",), "rules", sum(rule.work for _, rule in self.rules), MAX_RULE_WORK)
        self._bound(("costs",), "costs", sum(cost.work for cost in self.costs.values()), MAX_COST_WORK)
        if self._problems:
            raise DeclarationError(self._problems)
        present = [condition for condition in self.conditions if condition is not None]
        self.controls = frozenset[int]().union(*(columns_used(c.node, c.scope) for c in present))
        # A rule about a variable that may be absent is also about what makes it absent.
        self.ruled = frozenset[int]().union(*(columns_used(r.node, r.scope) for _, r in self.rules))

    def _conditions(self, variable: DeclaredVariable) -> list[Formula | None]:
        """When each entry of a variable is present."""
        if variable.active is None:
            return [None] * len(variable.entries)
        always = {
            name: symbol
            for name, symbol in self._scope.items()
            if not any(other.name == name and other.active for other in self._declaration.variables)
        }
        path = self._path(variable)
        found: list[Formula | None] = []
        for entry in range(1, len(variable.entries) + 1):
            scope = always | ({ENTRY: Symbol(Kind.WHOLE, entry)} if variable.repeat else {})
            formula = self._formula(path, variable.active, (Kind.TRUTH,), scope)
            if formula is None:  # reported once, not for every entry
                return [None] * len(variable.entries)
            found.append(formula)
        self._bound(path, "a condition", max(f.work for f in found if f is not None), MAX_CONDITION_WORK)
        return found

    def _path(self, variable: DeclaredVariable) -> Path:
        """Where a variable's condition stands: by name in a table, by index in a list."""
        data = self._declaration.source.data.get("variables")
        if isinstance(data, list):
            names = [item.get("name") if isinstance(item, dict) else None for item in data]
            return ("variables", names.index(variable.name), "active")
        return ("variables", variable.name, "active")

    def _formula(
        self, path: Path, text: str, kinds: tuple[Kind, ...], scope: dict[str, Symbol]
    ) -> Formula | None:
        try:
            formula = Formula(parse_expression(text), scope)
            if formula.kind not in kinds:
                wanted = "a condition" if Kind.TRUTH in kinds else "a number"
                raise ExpressionError(f"this is {formula.kind}, where {wanted} is due", 0, f"write {wanted}")
        except ExpressionError as error:
            near = text[max(0, error.position - 12) : error.position + 12]
            message = f"{error.message}, at character {error.position + 1} ({near!r})"
            self._problems.append(self._declaration.problem(path, message, error.hint))
            return None
        return formula

    def _bound(self, path: Path, what: str, work: int, most: int) -> None:
        if work > most:
            message = f"{what} need {work:,} operations on an architecture, {most:,} are allowed"
            self._problems.append(self._declaration.problem(path, message, "use shorter ranges"))


def _scope(declaration: Declaration) -> dict[str, Symbol]:
    """What the names of a declaration stand for."""
    scope = {name: Symbol(kind_of(value), value) for name, value in declaration.constants.items()}
    column = 0
    for variable in declaration.variables:
        count = len(variable.entries)
        columns = tuple(range(column, column + count))
        kind = kind_of(variable.choices[0])
        scope[variable.name] = Symbol(
            kind, None, columns, variable.choices, repeated=variable.repeat is not None
        )
        column += count
    return scope
