"""A row of the reliability page: an attack with its sizes, and the figures that it gives on a stack."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from experiments.framework.goal import Goal
from experiments.reliability.drill import Done

Goals = Mapping[str, tuple[str, str | None]]
"""Figure → its unit and its goal."""

ATTACK: Goals = {
    "healthz-calm-p99": ("ms", None),
    "healthz-p99": ("ms", "<= 250"),
    "api-memory": ("MB", "<= 800"),
    "children-memory": ("MB", None),
    "answers-5xx-or-none": ("answers", "== 0"),
    "answers-afterwards": ("of 1", "== 1"),
}
"""What every attack gives."""


class Impossible(Exception):
    """This machine does not allow the case; the message says why."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a case gave.

    Args:
        figures: value of each figure.
        got: what the attacker got, for people.
    """

    figures: Mapping[str, float]
    got: str

    def to_dict(self) -> dict[str, object]:
        """As JSON."""
        return {"figures": dict(self.figures), "got": self.got}


Run = Callable[[str, bool], Measured]
"""Runs a case on a kind of stack, in its long form or not."""


@dataclass(frozen=True, slots=True)
class Case:
    """A row.

    Args:
        id: as in docs/reliability.md.
        title: what is done to the service.
        goals: its figures.
        run: gives them.
    """

    id: str
    title: str
    goals: Goals
    run: Run

    def beyond(self, figures: Mapping[str, float]) -> list[str]:
        """The figures that miss their goal, or are missing themselves, each with its value and goal."""
        found = []
        for name, (_, goal) in self.goals.items():
            if goal is not None and not (name in figures and Goal.parse(goal).met(figures[name])):
                found.append(f"{name} {figures.get(name, math.nan):.4g}, not {goal}")
        return found


CASES: dict[str, Case] = {}


def case(id: str, title: str, goals: Goals, *, attack: bool = True) -> Callable[[Run], Run]:
    """Function decorator: makes a case known.

    Args:
        goals: its own figures.
        attack: whether it gives those of :data:`ATTACK` too.
    """

    def register(run: Run) -> Run:
        CASES[id] = Case(id, title, {**(ATTACK if attack else {}), **goals}, run)
        return run

    return register


def measured(done: Done, **own: float) -> Measured:
    """The figures of an attack's drill and the case's own (``_`` in their names stands for ``-``)."""
    answers = done.answers
    bad = sum(n for what, n in answers.items() if what.startswith("5") and what not in ("503", "507"))
    bad += answers.get("silent", 0) + answers.get("not sent", 0)
    figures = {
        "healthz-calm-p99": done.calm_p99_ms,
        "healthz-p99": done.healthz_p99_ms,
        "api-memory": done.api_mb,
        "children-memory": done.children_mb,
        "answers-5xx-or-none": float(bad),
        "answers-afterwards": float(done.answers_after),
        **{name.replace("_", "-"): value for name, value in own.items()},
    }
    listed = [f"{what} × {count:,}" for what, count in sorted(answers.items())]
    listed += [f"/healthz meanwhile {what} × {count:,}" for what, count in done.unanswered.items()]
    listed += [f"API started {done.restarts} times again"] if done.restarts else []
    return Measured(figures, ", ".join(listed))
