"""Arithmetic over the variables of a declared space: text to syntax tree, nothing else.

A Pratt parser (Pratt 1973, "Top down operator precedence") for a grammar that always ends::

    expression   = operand { operator operand }          by precedence, see ``PRECEDENCE``
    operand      = number | 'text' | "text" | true | false | name | name "[" expression "]"
                 | ("-" | "not") operand | "(" expression ")"
                 | "if" "(" condition "," then "," else ")"
                 | "match" "(" variable { "," choice ":" expression } [ "," "else" ":" expression ] ")"
                 | ("sum" | "min" | "max" | "all" | "any") "(" name "in" low ".." high "," expression ")"
                 | ("min" | "max" | "abs" | "floor" | "ceil" | "sqrt" | "log2") "(" expression { "," … } ")"

Text, tokens and depth are bounded. What a tree means, :mod:`spaces.expression.check` and
:mod:`spaces.expression.evaluate` say; nothing is ever handed to Python to evaluate.
"""

import math
import re
from dataclasses import dataclass

MAX_CHARACTERS = 4_000
MAX_TOKENS = 1_000
MAX_DEPTH = 60
"""Of brackets in brackets."""
MAX_HEIGHT = 150
"""Of the tree: as many operators may stand in a row."""
MAX_DIGITS = 15
"""Digits of a whole number: all such numbers are exact in double precision."""

PRECEDENCE: dict[str, int] = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4),
    **dict.fromkeys(("+", "-"), 5),
    **dict.fromkeys(("*", "/", "//", "%"), 6),
    "**": 8,
}
_NOT, _COMPARISON, _SIGN, _POWER = 3, 4, 7, 8
FUNCTIONS = {"min": 2, "max": 2, "abs": 1, "floor": 1, "ceil": 1, "sqrt": 1, "log2": 1}
"""Functions of values and how many they need; ``min`` and ``max`` take more."""
REDUCERS = ("sum", "min", "max", "all", "any")
RESERVED = frozenset(
    {*FUNCTIONS, *REDUCERS, "if", "match", "else", "in", "and", "or", "not", "true", "false"}
)

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<text>'[^'\"\n]*'|\"[^'\"\n]*\")|(?P<sign>\*\*|//|\.\.|==|!=|<=|>=|[-+*/%<>()\[\],:]))"
)


class ExpressionError(ValueError):
    """An expression that means nothing; never worth a retry.

    Args:
        message: what is wrong.
        position: offset in the expression.
        hint: what would be right.
    """

    def __init__(self, message: str, position: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text or a truth value."""

    value: int | float | str | bool
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A variable, a constant or the name of a range; with an index one entry of a repeated variable."""

    name: str
    index: "Node | None"
    position: int


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator or function of values; ``-`` and ``not`` of one, ``if`` of three."""

    operator: str
    operands: "tuple[Node, ...]"
    position: int


@dataclass(frozen=True, slots=True)
class Match:
    """A table: the value that belongs to a variable's choice."""

    subject: Name
    cases: "tuple[tuple[Literal, Node], ...]"
    otherwise: "Node | None"
    position: int


@dataclass(frozen=True, slots=True)
class Reduction:
    """``sum``, ``min``, ``max``, ``all`` or ``any`` of a body over whole numbers from low to high."""

    function: str
    name: str
    low: "Node"
    high: "Node"
    body: "Node"
    position: int


Node = Literal | Name | Operation | Match | Reduction


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse_expression(text: str) -> Node:
    """The syntax tree of an expression.

    Raises:
        ExpressionError: with the position and a hint.

    >>> parse_expression("1 + 2 * 3").operator
    '+'
    """
    return _Parser(text).whole()


class _Parser:
    """One expression on its way from text to tree."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_CHARACTERS:
            raise ExpressionError(
                f"the expression has {len(text):,} characters, {MAX_CHARACTERS:,} are allowed",
                MAX_CHARACTERS,
                "write it shorter, with constants and ranges",
            )
        self.tokens = _tokens(text)
        self.place = 0
        self.depth = 0

    def whole(self) -> Node:
        node = self.expression(0)
        if self.here.kind != "end":
            raise ExpressionError(
                f"{self.here.text!r} does not belong here", self.here.position, "an operator, or the end"
            )
        if height(node) > MAX_HEIGHT:
            raise ExpressionError(
                f"more than {MAX_HEIGHT} operators on top of each other",
                node.position,
                "use sum(i in 1..n, …)",
            )
        return node

    @property
    def here(self) -> _Token:
        return self.tokens[self.place]

    def take(self) -> _Token:
        token = self.here
        self.place += token.kind != "end"
        return token

    def at(self, text: str) -> bool:
        return self.here.text == text and self.here.kind in ("sign", "name")

    def expect(self, text: str) -> _Token:
        if not self.at(text):
            found = repr(self.here.text) if self.here.kind != "end" else "the end"
            raise ExpressionError(f"{text!r} is due, not {found}", self.here.position, f"write {text!r} here")
        return self.take()

    def expression(self, least: int) -> Node:
        """Operands and the operators between them that bind at least as tightly."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(
                f"nested deeper than {MAX_DEPTH} levels", self.here.position, "split the expression"
            )
        node = self.operand()
        while (binding := PRECEDENCE.get(self.here.text, 0)) > 0 and binding >= least:
            if self.here.kind == "text":
                break
            operator = self.take()
            # ** groups from the right; its exponent may have a sign.
            right = self.expression(_SIGN if operator.text == "**" else binding + 1)
            node = Operation(operator.text, (node, right), operator.position)
            if binding == _COMPARISON and PRECEDENCE.get(self.here.text) == _COMPARISON:
                raise ExpressionError(
                    "comparisons cannot be chained", self.here.position, "write a < b and b < c"
                )
        self.depth -= 1
        return node

    def operand(self) -> Node:
        token = self.take()
        if token.kind == "number":
            return Literal(_number(token), token.position)
        if token.kind == "text":
            return Literal(token.text[1:-1], token.position)
        if token.kind == "name":
            return self.named(token)
        if token.text == "(":
            node = self.expression(0)
            self.expect(")")
            return node
        if token.text == "-":
            return Operation("-", (self.expression(_SIGN),), token.position)
        found = repr(token.text) if token.kind != "end" else "the end"
        raise ExpressionError(f"a value is due, not {found}", token.position, "a number, a variable or (…)")

    def named(self, token: _Token) -> Node:
        if token.text in ("true", "false"):
            return Literal(token.text == "true", token.position)
        if token.text == "not":
            return Operation("not", (self.expression(_NOT),), token.position)
        if self.at("("):
            return self.call(token)
        if token.text in RESERVED:
            raise ExpressionError(
                f"{token.text!r} is no value", token.position, "a number, a variable or (…)"
            )
        if not self.at("["):
            return Name(token.text, None, token.position)
        self.take()
        index = self.expression(0)
        self.expect("]")
        return Name(token.text, index, token.position)

    def call(self, token: _Token) -> Node:
        if token.text not in {*FUNCTIONS, *REDUCERS, "if", "match"}:
            known = ", ".join(sorted({*FUNCTIONS, *REDUCERS, "if", "match"}))
            raise ExpressionError(f"{token.text!r} is no function", token.position, f"known are {known}")
        self.expect("(")
        node: Node
        if token.text == "match":
            node = self.match(token)
        elif token.text in REDUCERS and self.tokens[self.place + 1].text == "in":
            node = self.reduction(token)
        else:
            operands = [self.expression(0)]
            while self.at(","):
                self.take()
                operands.append(self.expression(0))
            node = Operation(token.text, tuple(operands), token.position)
            _check_count(node)
        self.expect(")")
        return node

    def match(self, token: _Token) -> Match:
        first = self.take()
        subject = self.named(first) if first.kind == "name" else None
        if not isinstance(subject, Name):
            raise ExpressionError("match begins with a variable", first.position, "match(kind, 'a': 1, …)")
        cases: list[tuple[Literal, Node]] = []
        otherwise: Node | None = None
        while self.at(","):
            self.take()
            if self.at("else"):
                self.take()
                self.expect(":")
                otherwise = self.expression(0)
                break
            negative = self.at("-")
            if negative:
                self.take()
            choice = self.operand()
            if not isinstance(choice, Literal):
                raise ExpressionError("a choice is due", choice.position, "a number, 'text' or else")
            if negative and isinstance(choice.value, int | float):
                choice = Literal(-choice.value, choice.position)
            self.expect(":")
            cases.append((choice, self.expression(0)))
        return Match(subject, tuple(cases), otherwise, token.position)

    def reduction(self, token: _Token) -> Reduction:
        name = self.take()
        if name.kind != "name" or name.text in RESERVED:
            raise ExpressionError("a name for the range is due", name.position, "sum(i in 1..n, …)")
        self.expect("in")
        low = self.expression(_COMPARISON + 1)
        self.expect("..")
        high = self.expression(_COMPARISON + 1)
        self.expect(",")
        return Reduction(token.text, name.text, low, high, self.expression(0), token.position)


def children(node: Node) -> tuple[Node, ...]:
    """The expressions that a node is made of, in the order in which they are written."""
    if isinstance(node, Operation):
        return node.operands
    if isinstance(node, Match):
        rest = () if node.otherwise is None else (node.otherwise,)
        return (node.subject, *(value for _, value in node.cases), *rest)
    if isinstance(node, Reduction):
        return (node.low, node.high, node.body)
    return () if isinstance(node, Literal) or node.index is None else (node.index,)


def height(node: Node) -> int:
    """Levels of a tree; counted without recursion, since a tree may be too high for it."""
    level: list[Node] = [node]
    levels = 0
    while level:
        levels += 1
        level = [child for parent in level for child in children(parent)]
    return levels


def _check_count(node: Operation) -> None:
    needed = 3 if node.operator == "if" else FUNCTIONS.get(node.operator)
    given = len(node.operands)
    if needed is None:
        raise ExpressionError(
            f"{node.operator} needs a range", node.position, f"{node.operator}(i in 1..n, …)"
        )
    if given < needed or (given > needed and node.operator not in ("min", "max")):
        raise ExpressionError(f"{node.operator} takes {needed} values, not {given}", node.position, "")


def _number(token: _Token) -> int | float:
    if token.text.isdigit():
        if len(token.text.lstrip("0")) > MAX_DIGITS:
            raise ExpressionError(
                f"a whole number has at most {MAX_DIGITS} digits", token.position, "write a smaller number"
            )
        return int(token.text)
    value = float(token.text)
    if not math.isfinite(value) or abs(value) > 10.0**MAX_DIGITS:
        raise ExpressionError(f"numbers are at most 1e{MAX_DIGITS}", token.position, "write a smaller number")
    return value


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            at = place + len(text[place:]) - len(text[place:].lstrip())
            raise ExpressionError(
                f"{text[at]!r} does not belong in an expression",
                at,
                "numbers, names, 'texts' and + - * / // % **",
            )
        tokens.append(_Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        if len(tokens) > MAX_TOKENS:
            raise ExpressionError(
                f"more than {MAX_TOKENS:,} signs", found.start(found.lastgroup), "split the expression"
            )
        place = found.end()
    return [*tokens, _Token("end", "", end)]
