"""Values of a checked expression for a batch of codes at once, and why a row has none.

Whole numbers are int64, others float64; every number stays below ``LARGEST`` = 2⁵³, so that whole numbers are
exact and nothing overflows. A row whose expression has no value (a division by zero, a number too large, an
entry that is absent) says so. Branches that ``if``, ``match``, ``and``, ``or`` or a range do not take are not
evaluated.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spaces.expression.check import MAX_RANGE, Kind, Scope, Symbol, check, kind_of
from spaces.expression.syntax import Literal, Match, Name, Node, Operation, Reduction
from spaces.space import Bools, Choice, Codes

LARGEST = 2.0**53
MAX_EXPONENT = 64
FARTHEST = 128
"""Ends of ranges lie this close to zero."""
CHUNK = 4096
Values = NDArray[Any]
"""int64, float64 or bool."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Values of an expression.

    Shapes:
        values: (b,) int64, float64 or bool; 0 where there is none
        failed: (b,) int64, 0 where there is a value, else 1 + the index of the reason
    """

    values: Values
    failed: NDArray[np.int64]
    reasons: tuple[str, ...]

    def reason(self, row: int) -> str | None:
        """Why a row has no value."""
        return self.reasons[int(self.failed[row]) - 1] if self.failed[row] else None


class Formula:
    """A checked expression, ready for any number of architectures.

    Args:
        node: its syntax tree.
        scope: what its names stand for.

    Raises:
        ExpressionError: where it means nothing.
    """

    def __init__(self, node: Node, scope: Scope) -> None:
        self.node = node
        self.scope = scope
        self.kind, self.work = check(node, scope)

    def __call__(self, codes: Codes) -> Computed:
        """Values for codes (b, v), in chunks that bound the memory."""
        parts = [_Batch(self.scope, codes[i : i + CHUNK]) for i in range(0, max(len(codes), 1), CHUNK)]
        values = [part.whole(self.node) for part in parts]
        known = tuple(dict.fromkeys(reason for part in parts for reason in part.reasons))
        failed = []
        for part in parts:
            places = np.array([0, *(known.index(reason) + 1 for reason in part.reasons)])
            failed.append(places[part.failed])
        return Computed(np.concatenate(values), np.concatenate(failed), known)


class _Batch:
    """One chunk of codes; ``asked`` are the rows in which a part's value matters."""

    def __init__(self, scope: Scope, codes: Codes) -> None:
        self.scope = scope
        self.codes = codes
        self.failed = np.zeros(len(codes), dtype=np.int64)
        self.reasons: list[str] = []
        self.texts: dict[str, int] = {}

    def whole(self, node: Node) -> Values:
        """Values (b,) of the whole expression."""
        with np.errstate(all="ignore"):
            values = self.value(node, np.ones(len(self.codes), dtype=bool), {})
        values[self.failed > 0] = 0
        return values

    def fail(self, rows: Bools, reason: str) -> None:
        """Notes why rows have no value; their first reason stays."""
        rows = rows & (self.failed == 0)
        if rows.any():
            if reason not in self.reasons:
                self.reasons.append(reason)
            self.failed[rows] = self.reasons.index(reason) + 1

    def value(self, node: Node, asked: Bools, ranges: dict[str, int]) -> Values:
        """A new array (b,); meaningless in rows that are not asked."""
        if isinstance(node, Literal):
            return self.constant(node.value)
        if isinstance(node, Name):
            return self.name(node, asked, ranges)
        if isinstance(node, Match):
            return self.match(node, asked, ranges)
        if isinstance(node, Reduction):
            return self.reduction(node, asked, ranges)
        return self.operation(node, asked, ranges)

    def constant(self, value: Choice) -> Values:
        if isinstance(value, str):
            value = self.texts.setdefault(value, len(self.texts))
        dtype: type = {Kind.TRUTH: np.bool_, Kind.REAL: np.float64}.get(kind_of(value), np.int64)
        return np.full(len(self.codes), value, dtype=dtype)

    def column(self, node: Name, asked: Bools, ranges: dict[str, int]) -> tuple[Symbol, Codes | None]:
        """A variable and its column (b,) of codes; None where there is no such entry."""
        symbol = self.scope[node.name]
        if node.index is None:
            return symbol, self.codes[:, symbol.columns[0]]
        place = _index(node.index, self.scope, ranges)
        if not 1 <= place <= len(symbol.columns):
            self.fail(
                asked, f"{node.name}[{place}] does not exist: {node.name} has {len(symbol.columns)} entries"
            )
            return symbol, None
        column = self.codes[:, symbol.columns[place - 1]]
        return symbol, column

    def name(self, node: Name, asked: Bools, ranges: dict[str, int]) -> Values:
        if node.name in ranges:
            return self.constant(ranges[node.name])
        symbol = self.scope[node.name]
        if symbol.value is not None:
            return self.constant(symbol.value)
        symbol, column = self.column(node, asked, ranges)
        if column is None:
            return self.constant(symbol.choices[0])
        absent = self.absent(node, symbol, column, asked)
        choices = [
            self.texts.setdefault(choice, len(self.texts)) if isinstance(choice, str) else choice
            for choice in symbol.choices
        ]
        values: Values = np.array(choices)[np.where(absent, 0, column)]
        return values

    def absent(self, node: Name, symbol: Symbol, column: Codes, asked: Bools) -> Bools:
        """Rows in which the variable has no value; those asked have failed."""
        absent: Bools = (column < 0) | (column >= len(symbol.choices))
        if absent.any():
            self.fail(asked & absent, f"{node.name} is used where it is absent")
        return absent

    def match(self, node: Match, asked: Bools, ranges: dict[str, int]) -> Values:
        symbol, column = self.column(node.subject, asked, ranges)
        if column is None:
            return self.constant(0)
        left = asked & ~self.absent(node.subject, symbol, column, asked)
        result: Values | None = None
        for choice, body in node.cases:
            place = next(
                index
                for index, known in enumerate(symbol.choices)
                if known == choice.value and isinstance(known, bool) == isinstance(choice.value, bool)
            )
            rows = left & (column == place)
            left = left & ~rows
            result = _merge(rows, self.value(body, rows, ranges), result)
        if node.otherwise is not None:
            result = _merge(left, self.value(node.otherwise, left, ranges), result)
        assert result is not None  # a table without entries is refused before
        return result

    def reduction(self, node: Reduction, asked: Bools, ranges: dict[str, int]) -> Values:
        low, high = self.value(node.low, asked, ranges), self.value(node.high, asked, ranges)
        wide = asked & ((high - low >= MAX_RANGE) | (np.abs(low) > FARTHEST) | (np.abs(high) > FARTHEST))
        self.fail(wide, f"a range goes over at most {MAX_RANGE} numbers between -{FARTHEST} and {FARTHEST}")
        live = asked & ~wide & (self.failed == 0) & (high >= low)
        total: Values | None = None
        begun = np.zeros(len(self.codes), dtype=bool)
        steps = range(int(low[live].min()), int(high[live].max()) + 1) if live.any() else range(0)
        for step in steps:
            rows = live & (low <= step) & (step <= high)
            if not rows.any():
                continue
            body = self.value(node.body, rows, ranges | {node.name: step})
            if node.function == "sum" and body.dtype == np.bool_:
                body = body.astype(np.int64)
            total = self.bounded(_fold(node.function, total, body, rows, begun), rows)
            begun = begun | rows
        if node.function in ("min", "max"):
            self.fail(asked & ~wide & ~begun, f"{node.function} of an empty range")
        empty = node.function == "all"
        if total is None:
            whole = node.function in ("all", "any")
            return np.full(len(self.codes), empty, dtype=np.bool_ if whole else np.int64)
        total[~begun] = empty
        return total

    def operation(self, node: Operation, asked: Bools, ranges: dict[str, int]) -> Values:
        if node.operator in ("if", "and", "or"):
            return self.choice(node, asked, ranges)
        operands = [self.value(operand, asked, ranges) for operand in node.operands]
        first = operands[0]
        if len(operands) == 1:
            return self.unary(node.operator, first, asked)
        if node.operator in ("min", "max"):
            for other in operands[1:]:
                first = np.minimum(first, other) if node.operator == "min" else np.maximum(first, other)
            return first
        second = operands[1]
        if node.operator in _COMPARE:
            compared: Values = _COMPARE[node.operator](first, second)
            return compared
        if node.operator == "**":
            return self.power(node, first, second, asked)
        if node.operator in ("/", "//", "%"):
            zero = second == 0
            self.fail(asked & zero, "division by zero")
            second = np.where(zero, np.ones_like(second), second)
        return self.bounded(_ARITHMETIC[node.operator](first, second), asked, _estimate(node, first, second))

    def choice(self, node: Operation, asked: Bools, ranges: dict[str, int]) -> Values:
        """``if``, ``and``, ``or``: only the rows that take a branch evaluate it."""
        condition = self.value(node.operands[0], asked, ranges).astype(bool)
        if node.operator != "if":
            conjunction = node.operator == "and"
            rest = asked & (condition if conjunction else ~condition)
            second = self.value(node.operands[1], rest, ranges).astype(bool)
            joined: Values = condition & second if conjunction else condition | second
            return joined
        then = self.value(node.operands[1], asked & condition, ranges)
        other = self.value(node.operands[2], asked & ~condition, ranges)
        chosen: Values = np.where(condition, then, other)
        return chosen

    def unary(self, operator: str, value: Values, asked: Bools) -> Values:
        if operator == "not":
            return ~value.astype(bool)
        if operator == "-":
            return -value
        if operator == "abs":
            return np.abs(value)
        if operator in ("floor", "ceil"):
            whole = np.floor(value) if operator == "floor" else np.ceil(value)
            return whole.astype(np.int64)
        wrong = value < 0 if operator == "sqrt" else value <= 0
        self.fail(
            asked & wrong, f"{operator} of {'a negative number' if operator == 'sqrt' else 'zero or less'}"
        )
        value = np.where(wrong, 1.0, value.astype(np.float64))
        root: Values = np.sqrt(value) if operator == "sqrt" else np.log2(value)
        return root

    def power(self, node: Operation, base: Values, exponent: Values, asked: Bools) -> Values:
        large = np.abs(exponent) > MAX_EXPONENT
        self.fail(asked & large, f"an exponent beyond {MAX_EXPONENT}")
        zero = (base == 0) & (exponent < 0)
        self.fail(asked & zero, "division by zero")
        estimate = np.power(base.astype(np.float64), exponent.astype(np.float64))
        self.fail(asked & np.isnan(estimate), "a root of a negative number")
        fine = ~large & (np.abs(estimate) < LARGEST)
        self.fail(asked & ~large & ~zero & ~(np.abs(estimate) < LARGEST), _TOO_LARGE)
        literal = isinstance(node.operands[1], Literal)
        if literal and base.dtype == np.int64 and exponent.dtype == np.int64:
            whole = fine & (exponent >= 0)
            raised: Values = np.where(whole, base, 0) ** np.where(whole, exponent, 1)
            return raised
        return np.where(fine, estimate, 0.0)

    def bounded(self, values: Values, asked: Bools, estimate: Values | None = None) -> Values:
        """The same values with 0 where they are too large; those rows have failed."""
        if values.dtype == np.bool_:
            return values
        size = values if estimate is None else estimate
        large = ~(np.abs(size.astype(np.float64)) < LARGEST)
        if large.any():
            self.fail(asked & large, _TOO_LARGE)
            values = np.where(large, np.zeros_like(values), values)
        return values


_TOO_LARGE = "a number of 2**53 or more"
_COMPARE = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
_ARITHMETIC = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.remainder,
}


def _estimate(node: Operation, first: Values, second: Values) -> Values | None:
    """The size of a whole result in double precision, which does not wrap around."""
    if node.operator not in ("+", "-", "*"):
        return None
    size: Values = _ARITHMETIC[node.operator](first.astype(np.float64), second.astype(np.float64))
    return size


def _merge(rows: Bools, values: Values, before: Values | None) -> Values:
    if before is None:
        return values.copy()
    merged: Values = np.where(rows, values, before)
    return merged


def _fold(function: str, total: Values | None, body: Values, rows: Bools, begun: Bools) -> Values:
    """One more step of a range: the value so far combined with the body, in these rows."""
    if total is None:
        return body.copy()
    both: Values
    if function == "sum":
        both = total + body
    elif function in ("min", "max"):
        both = np.minimum(total, body) if function == "min" else np.maximum(total, body)
    else:
        both = total & body if function == "all" else total | body
    folded: Values = np.where(rows & begun, both, np.where(rows, body, total))
    return folded


def _index(node: Node, scope: Scope, ranges: dict[str, int]) -> int:
    """The integer value of an index."""
    if isinstance(node, Literal):
        return int(node.value)
    if isinstance(node, Name):
        return ranges[node.name] if node.name in ranges else int(scope[node.name].value or 0)
    assert isinstance(node, Operation)
    parts = [_index(operand, scope, ranges) for operand in node.operands]
    if len(parts) == 1:
        return -parts[0]
    return parts[0] + parts[1] if node.operator == "+" else parts[0] - parts[1]
