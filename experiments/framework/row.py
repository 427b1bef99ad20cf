"""One line of a comparison; its constructors refuse untrue rows.

A row is ``measured`` (with a standard error that :mod:`experiments.framework.statistics` computed), ``exact``
(computed from everything there is: it has no spread and reaches no goal), ``quoted`` (someone else's, with
who and where) or ``absent`` (its data is not here). Where it comes from — commit, digest, seeds, seconds,
protocol — is written by the framework and no argument of a row.
"""

import math
import re
import statistics as plain
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from experiments.framework import statistics
from experiments.framework.goal import Goal
from experiments.framework.published import Published
from experiments.framework.statistics import LEVEL, Estimate, Values

Columns = Sequence[str]
"""Table columns as ``space/metric@task`` or ``space/metric@device``: ``nasbench201/accuracy@cifar10``."""
NO_TABLE: Columns = ()
"""``evaluated_on`` of a goal that no table's values decide: seconds, bytes, validity, counts."""

SEEDS = "seeds"
_COLUMN = re.compile(r"[a-z0-9_]+/[a-z0-9_]+(@[\w.-]+)*")
_CARD = re.compile(r"\bcards?\b", re.IGNORECASE)
_AHEAD = re.compile(r"(^|-)ahead(-|$)")


class Kind(StrEnum):
    """Where a row's value comes from."""

    MEASURED = "measured"
    EXACT = "exact"
    QUOTED = "quoted"
    ABSENT = "absent"


class Verdict(StrEnum):
    """Whether a goal is reached."""

    MET = "met"
    """Reached, and clearly so (p < .05) where the value has a standard error."""
    MISSED = "missed"
    """Not reached, and clearly so."""
    UNDECIDED = "undecided"
    """The value lies too near the bound for its standard error, or nothing is known of its spread."""
    ABSENT = "absent"
    """There is no value."""
    REFUSED = "refused"
    """A constant of the code was chosen on what decides the goal: it counts for nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. Made by the class methods, never by its fields.

    Args:
        id: unique in the comparison; begins with the number of the figure that it answers, if there is one.
        kind: where the value comes from.
        value: None where the data is absent.
        unit: of value, std, standard error, goal and published.
        std: sample standard deviation over ``n`` repetitions.
        standard_error: of the value; None where it has none.
        n: repetitions, or the size of the sample.
        over: what ``n`` counts: seeds, devices, requests …
        statement: why a measured value has no standard error.
        goal: what the value should reach; None where the row only informs.
        p: one-sided p-value against the goal's bound, or of being ahead.
        evaluated_on: table columns that decide the goal; empty where no table does.
        published: what someone else reported of the same.
        source: whose table the row was measured on.
        reason: why there is no value.

    Raises:
        ValueError: for what is untrue or cannot be computed; the message says which.
    """

    id: str
    kind: Kind
    value: float | None
    unit: str
    std: float | None = None
    standard_error: float | None = None
    n: int | None = None
    over: str = SEEDS
    statement: str = ""
    goal: Goal | None = None
    p: float | None = None
    evaluated_on: tuple[str, ...] | None = None
    published: Published | None = None
    source: str = ""
    reason: str | None = None
    compares: bool = False

    def __post_init__(self) -> None:
        for name in ("value", "std", "standard_error", "p"):
            number = getattr(self, name)
            if number is not None and not math.isfinite(number):
                raise ValueError(f"row {self.id} has a number that is not finite: {name}")
            object.__setattr__(self, name, _rounded(number))
        if self.published is not None and not isinstance(self.published, Published):
            raise ValueError(f"row {self.id}: published is Publication(author, year, where).reports(value)")
        if (self.kind is Kind.ABSENT) != (self.value is None) or (self.value is None) != bool(self.reason):
            raise ValueError(f"row {self.id} needs either a value or the reason why there is none")
        if _CARD.search(self.source):
            raise ValueError(f"row {self.id}: what a card says is not measured; measure it or leave it out")
        self._check_goal()
        self._check_measured()

    def _check_goal(self) -> None:
        if self.goal is None:
            return
        if self.kind in (Kind.EXACT, Kind.QUOTED):
            raise ValueError(f"row {self.id} is {self.kind}: nothing was tried, so it reaches no goal")
        if self.evaluated_on is None:
            raise ValueError(
                f"row {self.id} has a goal and must name evaluated_on: the columns of tables that decide it, "
                "such as ['nasbench201/accuracy@cifar10'], or NO_TABLE"
            )
        wrong = [column for column in self.evaluated_on if not _COLUMN.fullmatch(column)]
        if wrong:
            raise ValueError(f"row {self.id}: evaluated_on is 'space/metric@task', not {wrong[0]!r}")

    def _check_measured(self) -> None:
        if self.kind is not Kind.MEASURED:
            return
        if self.standard_error is None and not self.statement:
            raise ValueError(
                f"row {self.id} is one value: give several, an estimate with a standard error, a statement "
                "that says why there is one, or make it exact"
            )
        if _AHEAD.search(self.id) and not self.compares:
            raise ValueError(f"row {self.id}: 'ahead' is said by Row.ahead or Row.tasks_ahead, not counted")

    @classmethod
    def measured(
        cls,
        id: str,
        values: float | Sequence[float],
        unit: str,
        *,
        over: str = SEEDS,
        statement: str = "",
        goal: str | None = None,
        evaluated_on: Columns | None = None,
        published: Published | None = None,
        source: str = "",
    ) -> Self:
        """The mean of repeated measurements, usually one a seed.

        Args:
            values: one a repetition; a single number needs a ``statement``.
            over: what the repetitions are.
            statement: why there is one value, or that the run is deterministic.

        >>> Row.measured("regret", [1.0, 1.1, 1.2], "%", goal="<= 2.5", evaluated_on=NO_TABLE).verdict
        <Verdict.MET: 'met'>
        """
        repeated = [float(values)] if isinstance(values, int | float) else [float(each) for each in values]
        if len(repeated) == 1 and not isinstance(values, int | float) and over == SEEDS:
            statement = statement or "one seed: nothing is known of its spread"
        wanted = None if goal is None else Goal.parse(goal)
        return cls(
            id,
            Kind.MEASURED,
            plain.fmean(repeated),
            unit,
            plain.stdev(repeated) if len(repeated) > 1 else None,
            statistics.standard_error(repeated),
            len(repeated),
            over,
            statement,
            wanted,
            None if wanted is None else statistics.p_of_mean(repeated, wanted.bound),
            _columns(evaluated_on),
            published,
            source,
        )

    @classmethod
    def estimated(
        cls,
        id: str,
        estimate: Estimate | Mapping[str, float],
        unit: str,
        *,
        over: str,
        goal: str | None = None,
        evaluated_on: Columns | None = None,
        published: Published | None = None,
        source: str = "",
    ) -> Self:
        """What :func:`statistics.bootstrap` or :func:`statistics.quantile` gave of one sample.

        Args:
            estimate: as given, or as JSON brought it back.
            over: what the sample consists of.
        """
        found = estimate if isinstance(estimate, Estimate) else Estimate(**estimate)  # type: ignore[arg-type]
        wanted = None if goal is None else Goal.parse(goal)
        p = (
            None
            if wanted is None
            else statistics.p_of_estimate(found.value, found.standard_error, wanted.bound)
        )
        return cls(
            id, Kind.MEASURED, found.value, unit, None, found.standard_error, int(found.n), over, "",
            wanted, p, _columns(evaluated_on), published, source,
        )  # fmt: skip

    @classmethod
    def share(
        cls,
        id: str,
        hits: int,
        of: int,
        unit: str = "%",
        *,
        over: str,
        goal: str | None = None,
        evaluated_on: Columns | None = None,
        published: Published | None = None,
        source: str = "",
    ) -> Self:
        """``hits`` of ``of``, in percent, tested by the binomial distribution.

        >>> Row.share("valid", 1000, 1000, over="samples", goal=">= 99", evaluated_on=NO_TABLE).verdict
        <Verdict.MET: 'met'>
        """
        found = statistics.share(hits, of)
        wanted = None if goal is None else Goal.parse(goal)
        p = None if wanted is None else statistics.p_of_share(hits, of, wanted.bound / 100)
        return cls(
            id, Kind.MEASURED, 100 * found.value, unit, None, 100 * found.standard_error, of, over, "",
            wanted, p, _columns(evaluated_on), published, source,
        )  # fmt: skip

    @classmethod
    def counted(
        cls,
        id: str,
        count: int,
        of: int,
        unit: str,
        *,
        over: str,
        goal: str | None = None,
        evaluated_on: Columns | None = None,
        source: str = "",
    ) -> Self:
        """How often something happened in ``of`` trials, as a count: 0 lost of 200 kills."""
        part = statistics.share(count, of)
        wanted = None if goal is None else Goal.parse(goal)
        p = None if wanted is None else statistics.p_of_share(count, of, wanted.bound / of)
        return cls(
            id, Kind.MEASURED, float(count), unit, None, of * part.standard_error, of, over, "",
            wanted, p, _columns(evaluated_on), None, source,
        )  # fmt: skip

    @classmethod
    def quantile(
        cls,
        id: str,
        values: Values,
        share: float,
        unit: str,
        *,
        over: str,
        goal: str | None = None,
        evaluated_on: Columns | None = NO_TABLE,
        source: str = "",
    ) -> Self:
        """A quantile of one sample, such as the 95th percentile of requests' milliseconds."""
        found = statistics.quantile(values, share)
        return cls.estimated(id, found, unit, over=over, goal=goal, evaluated_on=evaluated_on, source=source)

    @classmethod
    def ahead(
        cls,
        id: str,
        ours: Values,
        theirs: Values,
        unit: str,
        *,
        pairs: bool,
        over: str = SEEDS,
        goal: bool = True,
        evaluated_on: Columns | None = None,
        source: str = "",
    ) -> Self:
        """By how much our mean is above theirs; the goal is to be clearly above it. A tie is not ahead.

        Args:
            ours, theirs: more is better; negate what is a cost.
            pairs: whether value i of both comes from one seed.
            goal: without it the row only informs.
        """
        found = statistics.difference(ours, theirs, pairs=pairs)
        return cls(
            id,
            Kind.MEASURED,
            found.mean,
            unit,
            None,
            found.standard_error if found.n > 1 else None,
            found.n,
            over,
            "" if found.n > 1 else "one seed: nothing is known of its spread",
            Goal(">", 0.0) if goal else None,
            found.p if found.n > 1 else None,
            _columns(evaluated_on),
            None,
            f"{source}; {'paired t-test' if pairs else 'Welch'}".removeprefix("; "),
            compares=True,
        )

    @classmethod
    def tasks_ahead(
        cls,
        id: str,
        tasks: Mapping[str, tuple[Values, Mapping[str, Values]]],
        *,
        pairs: bool = True,
        goal: str | None = None,
        evaluated_on: Columns | None = None,
        source: str = "",
    ) -> Self:
        """Tasks where ours is clearly above every rival: p < .05 after Holm's correction over the tasks.

        Args:
            tasks: task → our values, and each rival's; more is better.
        """
        clear = sum(p < LEVEL for p in statistics.ahead(tasks, pairs=pairs).values())
        test = f"p < {LEVEL:g} after Holm over {len(tasks)} tasks, {'paired' if pairs else 'Welch'}"
        return cls(
            id,
            Kind.MEASURED,
            float(clear),
            f"tasks of {len(tasks)}",
            n=len(tasks),
            over="tasks",
            statement=f"a count of tests: {test}",
            goal=None if goal is None else Goal.parse(goal),
            evaluated_on=_columns(evaluated_on),
            source=source,
            compares=True,
        )

    @classmethod
    def exact(
        cls, id: str, value: float, unit: str, *, published: Published | None = None, source: str = ""
    ) -> Self:
        """What was computed from everything there is, without a draw: no standard error, no goal."""
        return cls(id, Kind.EXACT, float(value), unit, published=published, source=source, over="")

    @classmethod
    def quoted(cls, id: str, published: Published, unit: str) -> Self:
        """A figure that someone else reported and that was not measured here."""
        source = f"{published.author} {published.year}, {published.where}"
        return cls(id, Kind.QUOTED, published.value, unit, published=published, source=source, over="")

    @classmethod
    def absent(
        cls,
        id: str,
        reason: str,
        unit: str,
        *,
        goal: str | None = None,
        evaluated_on: Columns | None = NO_TABLE,
        published: Published | None = None,
        source: str = "",
    ) -> Self:
        """A row whose data is not here; where it has a goal, it does not pass."""
        return cls(
            id, Kind.ABSENT, None, unit, over="", goal=None if goal is None else Goal.parse(goal),
            evaluated_on=_columns(evaluated_on), published=published, source=source, reason=reason,
        )  # fmt: skip

    @property
    def verdict(self) -> Verdict | None:
        """Whether the goal is reached, as clearly as the value is known; None without a goal."""
        if self.goal is None:
            return None
        if self.value is None:
            return Verdict.ABSENT
        met = self.goal.met(self.value)
        certain = self.over == "tasks" or (self.std == 0 and not self.compares)
        if self.goal.relation == "==" or certain:
            return Verdict.MET if met else Verdict.MISSED
        if self.p is None or self.p >= LEVEL:
            return Verdict.UNDECIDED
        return Verdict.MET if met else Verdict.MISSED

    @property
    def passes(self) -> bool:
        """False for a goal that is missed, or that cannot be decided."""
        return self.verdict in (None, Verdict.MET)

    def to_dict(self) -> dict[str, object]:
        """The row as JSON; ``reason`` and ``statement`` only where there is one."""
        fields: dict[str, object] = {
            "id": self.id,
            "kind": str(self.kind),
            "value": self.value,
            "unit": self.unit,
            "std": self.std,
            "standard_error": self.standard_error,
            "n": self.n,
            "over": self.over,
            "goal": None if self.goal is None else str(self.goal),
            "p": self.p,
            "verdict": None if self.verdict is None else str(self.verdict),
            "evaluated_on": None if self.evaluated_on is None else list(self.evaluated_on),
            "published": None if self.published is None else self.published.to_dict(),
            "source": self.source,
        }
        if self.statement:
            fields["statement"] = self.statement
        if self.reason is not None:
            fields["reason"] = self.reason
        if self.compares:
            fields["compares"] = True
        return fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave.

        Raises:
            ValueError: for anything else; KeyError or TypeError likewise.
        """
        known = {name: value for name, value in fields.items() if name != "verdict"}
        known["kind"] = Kind(known["kind"])
        known["goal"] = None if known["goal"] is None else Goal.parse(known["goal"])
        known["evaluated_on"] = None if known["evaluated_on"] is None else tuple(known["evaluated_on"])
        published = known["published"]
        known["published"] = None if published is None else Published.from_dict(published)
        return cls(**known)


def _columns(columns: Columns | None) -> tuple[str, ...] | None:
    return None if columns is None else tuple(columns)


def _rounded(number: float | None, digits: int = 6) -> float | None:
    """To so many significant digits: sums in another order differ behind them.

    >>> _rounded(0.123456789), _rounded(-0.0)
    (0.123457, 0.0)
    """
    return None if number is None else float(f"{float(number):.{digits}g}") + 0.0
