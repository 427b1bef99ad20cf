"""A declared space, checked and in a fixed order; the space's digest is computed from its text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from spaces.declared.source import DeclarationProblem, Path, Source, path_text
from spaces.metric import Direction, Metric
from spaces.space import Choice


@dataclass(frozen=True, slots=True)
class DeclaredVariable:
    """One variable, or ``repeat`` of them; present where ``active`` holds, always without it."""

    name: str
    choices: tuple[Choice, ...]
    repeat: int | None = None
    active: str | None = None

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the space's variables that it makes."""
        if self.repeat is None:
            return (self.name,)
        return tuple(f"{self.name}{entry}" for entry in range(1, self.repeat + 1))


@dataclass(frozen=True, slots=True)
class DeclaredRule:
    """A condition that architectures satisfy, and what is said of others."""

    require: str
    message: str


@dataclass(frozen=True, slots=True)
class DeclaredCost:
    """An exact cost: its formula and unit."""

    name: str
    formula: str
    unit: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredMetric:
    """What evaluations of the space bring: which way it is better, its unit and the values it can take."""

    name: str
    direction: str
    unit: str
    low: float
    high: float
    description: str = ""

    def metric(self) -> Metric:
        """As quantities have it."""
        direction = Direction(self.direction)
        return Metric(self.name, self.unit, direction, self.description or self.name, self.low, self.high)


@dataclass(frozen=True, slots=True)
class DeclaredObservation:
    """Measured values of an architecture: a string, or an object of variables."""

    architecture: str | Mapping[str, object]
    values: Mapping[str, float]
    task: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """A user space as it was declared; see ``docs/spaces.md`` for every key."""

    name: str
    title: str
    description: str
    tasks: tuple[str, ...]
    constants: Mapping[str, float | int]
    variables: tuple[DeclaredVariable, ...]
    rules: tuple[DeclaredRule, ...] = ()
    costs: tuple[DeclaredCost, ...] = ()
    edges: tuple[str, ...] = ()
    observations: tuple[DeclaredObservation, ...] = ()
    metrics: tuple[DeclaredMetric, ...] = ()
    source: Source = field(default_factory=lambda: Source({}), compare=False)

    def problem(self, path: Path, message: str, hint: str = "") -> DeclarationProblem:
        """A problem of one of its fields."""
        return DeclarationProblem(path_text(path), message, hint, self.source.line(path))

    def to_dict(self) -> dict[str, object]:
        """The JSON object that ``read_declaration`` reads back; what the space's digest is of."""
        metrics = {
            metric.name: {
                "direction": metric.direction,
                "unit": metric.unit,
                "range": [metric.low, metric.high],
                "description": metric.description,
            }
            for metric in self.metrics
        }
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "tasks": list(self.tasks),
            "constants": dict(self.constants),
            "variables": [
                {
                    "name": variable.name,
                    "choices": list(variable.choices),
                    "repeat": variable.repeat,
                    "active": variable.active,
                }
                for variable in self.variables
            ],
            "rules": [{"require": rule.require, "message": rule.message} for rule in self.rules],
            "costs": {
                cost.name: {"formula": cost.formula, "unit": cost.unit, "description": cost.description}
                for cost in self.costs
            },
            "graph": {"edges": list(self.edges)},
            "observations": [
                {
                    "architecture": known.architecture
                    if isinstance(known.architecture, str)
                    else dict(known.architecture),
                    "task": known.task,
                    **known.values,
                }
                for known in self.observations
            ],
            # Without any the text, and so the digest, is that of versions that knew none.
            **({"metrics": metrics} if metrics else {}),
        }


def declaration_text(declaration: Declaration) -> str:
    """The declaration as JSON text, always the same for the same declaration."""
    return json.dumps(declaration.to_dict(), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
