"""Checks an expression before it is evaluated: the kinds of its parts, and its cost.

Every name must be known, every operand of the right kind, every table complete; ranges are bounded by what
their ends can be at most. What passes here can be evaluated for any batch in bounded time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from spaces.expression.syntax import (
    ExpressionError,
    Literal,
    Match,
    Name,
    Node,
    Operation,
    Reduction,
    children,
)
from spaces.space import Choice

MAX_RANGE = 64
"""Most steps of one range."""
MAX_WORK = 5_000
"""Most operations on one architecture."""


class Kind(StrEnum):
    """What a part of an expression is."""

    WHOLE = "a whole number"
    REAL = "a number"
    TRUTH = "a condition"
    TEXT = "a text"


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a name stands for: a constant, or a variable of the space.

    Args:
        kind: of its value.
        value: of a constant; None for a variable.
        columns: the codes' columns of a variable, one an entry.
        choices: of a variable.
        repeated: whether the variable has entries to be chosen by an index.
    """

    kind: Kind
    value: Choice | None = None
    columns: tuple[int, ...] = ()
    choices: tuple[Choice, ...] = ()
    repeated: bool = False


Scope = Mapping[str, Symbol]
_COMPARED = ("==", "!=", "<", "<=", ">", ">=")
_NUMBERS = (Kind.WHOLE, Kind.REAL)


def kind_of(value: Choice) -> Kind:
    """The kind of a constant or choice.

    >>> kind_of(3), kind_of(0.5), kind_of(True), kind_of("full")
    (<Kind.WHOLE: 'a whole number'>, <Kind.REAL: 'a number'>, <Kind.TRUTH: ...>, <Kind.TEXT: 'a text'>)
    """
    if isinstance(value, bool):
        return Kind.TRUTH
    return Kind.WHOLE if isinstance(value, int) else Kind.REAL if isinstance(value, float) else Kind.TEXT


def check(node: Node, scope: Scope) -> tuple[Kind, int]:
    """Kind of an expression, and the operations it takes on one architecture.

    Raises:
        ExpressionError: for unknown names, wrong kinds, incomplete tables and too much work.
    """
    checker = _Checker(scope)
    kind = checker.kind(node, frozenset())
    work = checker.work(node)
    if work > MAX_WORK:
        raise ExpressionError(
            f"needs {work:,} operations, {MAX_WORK:,} are allowed",
            node.position,
            "use fewer or shorter ranges",
        )
    return kind, work


def columns_used(node: Node, scope: Scope) -> frozenset[int]:
    """The codes' columns that an expression may look at."""
    found: set[int] = set()
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Name) and part.name in scope:
            found.update(scope[part.name].columns)
        waiting.extend(children(part))
    return frozenset(found)


class _Checker:
    """Walks one tree."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def kind(self, node: Node, ranges: frozenset[str]) -> Kind:
        """The kind of a part, inside ranges of these names."""
        if isinstance(node, Literal):
            return kind_of(node.value)
        if isinstance(node, Name):
            return self.name(node, ranges)
        if isinstance(node, Match):
            return self.match(node, ranges)
        if isinstance(node, Reduction):
            return self.reduction(node, ranges)
        return self.operation(node, ranges)

    def name(self, node: Name, ranges: frozenset[str]) -> Kind:
        if node.name in ranges:
            if node.index is not None:
                raise ExpressionError(f"{node.name} is a number", node.position, "leave the index out")
            return Kind.WHOLE
        symbol = self.scope.get(node.name)
        if symbol is None:
            known = ", ".join([*ranges, *self.scope]) or "none"
            raise ExpressionError(f"{node.name!r} is not known", node.position, f"known are {known}")
        if node.index is None:
            if symbol.repeated:
                raise ExpressionError(
                    f"{node.name} is repeated", node.position, f"name an entry, such as {node.name}[1]"
                )
            return symbol.kind
        if not symbol.repeated:
            raise ExpressionError(f"{node.name} is not repeated", node.position, "leave the index out")
        self.index(node.index, ranges)
        return symbol.kind

    def index(self, node: Node, ranges: frozenset[str]) -> None:
        """An index is the same for all architectures: numbers, ranges' names, + and -."""
        if isinstance(node, Literal) and isinstance(node.value, int) and not isinstance(node.value, bool):
            return
        if isinstance(node, Name) and node.index is None:
            symbol = self.scope.get(node.name)
            constant = symbol is not None and symbol.kind is Kind.WHOLE and symbol.value is not None
            if node.name in ranges or constant:
                return
        if isinstance(node, Operation) and node.operator in ("+", "-"):
            for operand in node.operands:
                self.index(operand, ranges)
            return
        raise ExpressionError(
            "an index is made of numbers and a range's name", node.position, "for example x[i] or x[i - 1]"
        )

    def match(self, node: Match, ranges: frozenset[str]) -> Kind:
        self.name(node.subject, ranges)
        symbol = self.scope.get(node.subject.name)
        if symbol is None or not symbol.choices:
            raise ExpressionError(
                f"{node.subject.name} has no choices", node.subject.position, "match looks a variable up"
            )
        given: list[Choice] = []
        for choice, _ in node.cases:
            if not any(_same(choice.value, known) for known in symbol.choices):
                known = ", ".join(map(repr, symbol.choices))
                raise ExpressionError(
                    f"{choice.value!r} is no choice of {node.subject.name}",
                    choice.position,
                    f"one of {known}",
                )
            if any(_same(choice.value, other) for other in given):
                raise ExpressionError(f"{choice.value!r} is given twice", choice.position, "give it once")
            given.append(choice.value)
        missing = [known for known in symbol.choices if not any(_same(known, other) for other in given)]
        if missing and node.otherwise is None:
            raise ExpressionError(
                f"match says nothing of {', '.join(map(repr, missing))}", node.position, "add it, or else: …"
            )
        values = [value for _, value in node.cases] + ([node.otherwise] if node.otherwise else [])
        return self.joint([(value, self.kind(value, ranges)) for value in values])

    def reduction(self, node: Reduction, ranges: frozenset[str]) -> Kind:
        if node.name in ranges or node.name in self.scope:
            raise ExpressionError(
                f"{node.name} already means something", node.position, "choose another name"
            )
        for end in (node.low, node.high):
            if self.kind(end, ranges) is not Kind.WHOLE:
                raise ExpressionError("a range goes from whole number to whole number", end.position, "1..n")
        body = self.kind(node.body, ranges | {node.name})
        if node.function in ("all", "any"):
            return self.wanted(node.body, body, (Kind.TRUTH,))
        if node.function == "sum" and body is Kind.TRUTH:
            return Kind.WHOLE
        return self.wanted(node.body, body, _NUMBERS)

    def operation(self, node: Operation, ranges: frozenset[str]) -> Kind:
        kinds = [self.kind(operand, ranges) for operand in node.operands]
        if node.operator in ("and", "or", "not"):
            for operand, kind in zip(node.operands, kinds, strict=True):
                self.wanted(operand, kind, (Kind.TRUTH,))
            return Kind.TRUTH
        if node.operator == "if":
            self.wanted(node.operands[0], kinds[0], (Kind.TRUTH,))
            return self.joint(list(zip(node.operands[1:], kinds[1:], strict=True)))
        if node.operator in ("==", "!="):
            self.joint(list(zip(node.operands, kinds, strict=True)))
            return Kind.TRUTH
        for operand, kind in zip(node.operands, kinds, strict=True):
            self.wanted(operand, kind, _NUMBERS)
        if node.operator in _COMPARED:
            return Kind.TRUTH
        if node.operator in ("/", "sqrt", "log2"):
            return Kind.REAL
        if node.operator in ("floor", "ceil"):
            return Kind.WHOLE
        whole = all(kind is Kind.WHOLE for kind in kinds)
        if node.operator == "**":
            exponent = node.operands[1]
            return Kind.WHOLE if whole and isinstance(exponent, Literal) else Kind.REAL
        return Kind.WHOLE if whole else Kind.REAL

    def joint(self, parts: list[tuple[Node, Kind]]) -> Kind:
        """The one kind of several values that may stand for each other."""
        kinds = {kind for _, kind in parts}
        if kinds <= set(_NUMBERS):
            return Kind.REAL if Kind.REAL in kinds else Kind.WHOLE
        if len(kinds) > 1:
            first, other = parts[0][1], next(part for part in parts if part[1] is not parts[0][1])
            raise ExpressionError(f"{first} and {other[1]} do not go together", other[0].position, str(first))
        return parts[0][1]

    def wanted(self, node: Node, kind: Kind, kinds: tuple[Kind, ...]) -> Kind:
        if kind not in kinds:
            right = "a number" if Kind.REAL in kinds else str(kinds[0])
            raise ExpressionError(f"this is {kind}, where {right} is due", node.position, f"write {right}")
        return kind

    def work(self, node: Node) -> int:
        """Operations on one architecture, at most."""
        if isinstance(node, Reduction):
            steps = min(MAX_RANGE, max(0, self.most(node.high) - self.least(node.low) + 1))
            return 1 + self.work(node.low) + self.work(node.high) + steps * (1 + self.work(node.body))
        return 1 + sum(self.work(child) for child in children(node))

    def most(self, node: Node) -> int:
        """The largest value of a range's end, where that is easily said."""
        return max(self.values(node), default=MAX_RANGE)

    def least(self, node: Node) -> int:
        """The smallest value of a range's end, where that is easily said."""
        return min(self.values(node), default=0)

    def values(self, node: Node) -> list[int]:
        """What a number or a plain variable can be; nothing for anything else."""
        if isinstance(node, Literal) and isinstance(node.value, int):
            return [node.value]
        if isinstance(node, Name) and node.name in self.scope:
            symbol = self.scope[node.name]
            if isinstance(symbol.value, int):
                return [symbol.value]
            return [choice for choice in symbol.choices if isinstance(choice, int)]
        return []


def _same(one: Choice, other: Choice) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and one == other
