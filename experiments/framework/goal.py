"""What a value should reach."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A relation and a bound.

    >>> goal = Goal.parse(">= 0.75")
    >>> goal.met(0.8), str(goal)
    (True, '>= 0.75')
    """

    relation: str
    bound: float

    def __post_init__(self) -> None:
        if self.relation not in _RELATIONS or not math.isfinite(self.bound):
            raise ValueError(f"a goal is one of {', '.join(_RELATIONS)} and a number, not {self}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The goal of a text such as ``">= 0.75"``.

        Raises:
            ValueError: for any other text.
        """
        relation, _, bound = text.strip().partition(" ")
        return cls(relation, float(bound))

    def met(self, value: float) -> bool:
        """Whether a value reaches the goal."""
        return _RELATIONS[self.relation](value, self.bound)

    def __str__(self) -> str:
        return f"{self.relation} {self.bound:g}"
