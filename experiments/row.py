"""One line of a comparison: what was measured, what was hoped for, what was published."""

import math
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
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
    """What a value should reach.

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


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Use :meth:`measured` or :meth:`absent`.

    Args:
        id: unique in the comparison; begins with the number of the figure that it answers, if there is one.
        value: the mean; None where the data is absent.
        std: sample standard deviation over ``n`` repetitions; None for fewer than two.
        n: repetitions.
        unit: of value, std, goal and published.
        goal: what the value should reach; None where the row only informs.
        published: the figure that someone else reported.
        source: who reported it, or whose table the row was measured on.
        reason: why there is no value.

    Raises:
        ValueError: for a number that is not finite, or a value together with a reason.
    """

    id: str
    value: float | None
    unit: str
    std: float | None = None
    n: int | None = None
    goal: Goal | None = None
    published: float | None = None
    source: str = ""
    reason: str | None = None

    def __post_init__(self) -> None:
        numbers = [number for number in (self.value, self.std, self.published) if number is not None]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"row {self.id} has a number that is not finite")
        if (self.value is None) != (self.reason is not None):
            raise ValueError(f"row {self.id} needs either a value or the reason why there is none")

    @classmethod
    def measured(
        cls,
        id: str,
        values: float | Sequence[float],
        unit: str,
        *,
        goal: str | None = None,
        published: float | None = None,
        source: str = "",
    ) -> Self:
        """The mean of repeated measurements, usually one a seed.

        >>> Row.measured("regret", [1.0, 2.0, 3.0], "%", goal="<= 2.5").to_dict()["holds"]
        True
        """
        repeated = [float(values)] if isinstance(values, int | float) else [float(value) for value in values]
        return cls(
            id,
            statistics.fmean(repeated),
            unit,
            statistics.stdev(repeated) if len(repeated) > 1 else None,
            len(repeated),
            None if goal is None else Goal.parse(goal),
            published,
            source,
        )

    @classmethod
    def absent(
        cls,
        id: str,
        reason: str,
        unit: str,
        *,
        goal: str | None = None,
        published: float | None = None,
        source: str = "",
    ) -> Self:
        """A row whose data is not here; where it has a goal, it does not pass."""
        parsed = None if goal is None else Goal.parse(goal)
        return cls(id, None, unit, goal=parsed, published=published, source=source, reason=reason)

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met; None without a goal or without a value."""
        return None if self.goal is None or self.value is None else self.goal.met(self.value)

    @property
    def passes(self) -> bool:
        """False for a goal that is not met or cannot be judged."""
        return self.goal is None or self.holds is True

    def to_dict(self) -> dict[str, object]:
        """The row as JSON; ``reason`` only where there is no value."""
        fields: dict[str, object] = {
            "id": self.id,
            "value": self.value,
            "std": self.std,
            "n": self.n,
            "unit": self.unit,
            "goal": None if self.goal is None else str(self.goal),
            "published": self.published,
            "source": self.source,
            "holds": self.holds,
        }
        return fields if self.reason is None else fields | {"reason": self.reason}

    @classmethod
    def from_dict(cls, fields: Mapping[str, object]) -> Self:
        """What :meth:`to_dict` gave.

        Raises:
            ValueError: for anything else; KeyError or TypeError likewise.
        """
        known = {name: value for name, value in fields.items() if name not in ("goal", "holds")}
        goal = fields["goal"]
        return cls(**known, goal=None if goal is None else Goal.parse(str(goal)))  # type: ignore[arg-type]
