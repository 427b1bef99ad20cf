"""From the data of a declaration to the declaration: every key checked, all problems reported at once."""

import re
from collections.abc import Mapping

from spaces.declared.declaration import (
    Declaration,
    DeclaredCost,
    DeclaredMetric,
    DeclaredObservation,
    DeclaredRule,
    DeclaredVariable,
)
from spaces.declared.source import DeclarationError, DeclarationProblem, Path, Source, path_text
from spaces.expression.syntax import RESERVED
from spaces.metric import METRICS, MOST, Metric, value_fault
from spaces.space import Choice

MAX_VARIABLES = 32
MAX_ENTRIES = 64
"""Variables with their repetitions."""
MAX_CHOICES = 32
MAX_RULES = 16
MAX_COSTS = 12
MAX_METRICS = 12
MAX_OBSERVATIONS = 5_000
ABSENT = "absent"
ENTRY = "i"
"""In the ``active`` of a repeated variable: the number of the entry, from 1."""
COST_NAMES = ("params_m", "macs_m", "peak_memory_mb")
OWN_COST = re.compile(r"(?:cost|gain)_[a-z0-9_]{1,40}")
DEFAULT_TASK = "own"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,31}")
_UNITS = {"params_m": "10⁶", "macs_m": "10⁶", "peak_memory_mb": "MB"}


def read_declaration(source: Source) -> Declaration:
    """The declaration of some data; whether its expressions mean something, the space says.

    Raises:
        DeclarationError: with every problem found.
    """
    reader = _Reader(source)
    declaration = reader.declaration()
    if reader.problems:
        raise DeclarationError(reader.problems)
    return declaration


class _Reader:
    """Collects every problem, so that a person mends them in one go."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[DeclarationProblem] = []

    def fail(self, path: Path, message: str, hint: str = "") -> None:
        if len(self.problems) < 50:
            self.problems.append(DeclarationProblem(path_text(path), message, hint, self.source.line(path)))

    def declaration(self) -> Declaration:
        data = self.source.data
        known = (
            "name", "title", "description", "tasks", "constants", "variables", "rules", "costs", "graph",
            "observations", "metrics",
        )  # fmt: skip
        self.unknown((), data, known)
        name = self.text(("name",), data.get("name"), 40)
        if name is not None and not _NAME.fullmatch(name):
            self.fail(("name",), f"{name!r} is no name", "small letters, digits and _, a letter first")
        title = self.text(("title",), data.get("title", name or "?"), 100)
        description = self.text(("description",), data.get("description", title or "?"), 1_000)
        constants = self.constants(data.get("constants", {}))
        variables = self.variables(data.get("variables"), constants)
        tasks = self.tasks(data.get("tasks", [DEFAULT_TASK]))
        metrics = self.metrics(data.get("metrics", {}))
        return Declaration(
            name or "",
            title or "",
            description or "",
            tasks,
            constants,
            variables,
            self.rules(data.get("rules", [])),
            self.costs(data.get("costs", {})),
            self.edges(data.get("graph", {})),
            self.observations(data.get("observations", []), tasks, metrics),
            metrics,
            self.source,
        )

    # parts
    def unknown(self, path: Path, data: Mapping[str, object], known: tuple[str, ...]) -> None:
        for key in data:
            if key not in known:
                self.fail((*path, key[:60]), "unknown key", f"the keys are {', '.join(known)}")

    def table(self, path: Path, value: object) -> dict[str, object]:
        if isinstance(value, dict) and all(isinstance(key, str) for key in value):
            return value
        self.fail(path, "must be a table", "name = value")
        return {}

    def items(self, path: Path, value: object, most: int) -> list[object]:
        if not isinstance(value, list):
            self.fail(path, "must be a list", "[…]")
            return []
        if len(value) > most:
            self.fail(path, f"has {len(value):,} entries, {most:,} are allowed")
        return value[:most]

    def text(self, path: Path, value: object, most: int) -> str | None:
        if value is None:
            self.fail(path, "is missing", "add it")
        elif not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.fail(path, "must be a text of one line", "write it in quotes")
        elif len(value) > most:
            self.fail(path, f"has {len(value):,} characters, {most:,} are allowed", "write it shorter")
        else:
            return value
        return None

    def expression(self, path: Path, value: object) -> str | None:
        if isinstance(value, bool) or (
            isinstance(value, int | float) and self.number(path, value) is not None
        ):
            return str(value).lower()
        if isinstance(value, str) and value.strip():
            return value
        self.fail(path, "must be an expression", "write it in quotes")
        return None

    def number(self, path: Path, value: object) -> float | int | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(path, "must be a number")
        elif not -1e15 <= value <= 1e15:
            self.fail(path, "must be a finite number, at most 1e15")
        else:
            return value
        return None

    def tasks(self, value: object) -> tuple[str, ...]:
        names = []
        for index, name in enumerate(self.items(("tasks",), value, 8)):
            if not isinstance(name, str) or not _TASK.fullmatch(name):
                self.fail(("tasks", index), "is no name of a task", "letters, digits, . _ and -")
            elif name in names:
                self.fail(("tasks", index), f"{name!r} is given twice", "give it once")
            else:
                names.append(name)
        if value == []:
            self.fail(("tasks",), "names no task", "leave it out, or name one")
        return tuple(names)

    def constants(self, value: object) -> dict[str, float | int]:
        found: dict[str, float | int] = {}
        for name, number in self.table(("constants",), value).items():
            path = ("constants", name[:60])
            if len(found) == MAX_VARIABLES:
                self.fail(path, f"more than {MAX_VARIABLES} constants")
                break
            checked = self.number(path, number)
            if self.symbol(path, name) and checked is not None:
                found[name] = checked
        return found

    def symbol(self, path: Path, name: str) -> bool:
        if not _SYMBOL.fullmatch(name):
            self.fail(path, f"{name[:60]!r} is no name", "letters, digits and _, a letter first")
        elif name in RESERVED or name in (ENTRY, ABSENT, "input", "output") or OWN_COST.fullmatch(name):
            self.fail(path, f"{name!r} has a meaning of its own", "choose another name")
        else:
            return True
        return False

    def variables(self, value: object, constants: Mapping[str, object]) -> tuple[DeclaredVariable, ...]:
        if not value:
            self.fail(("variables",), "there are none", "[variables] with a line each: width = [64, 128]")
            return ()
        found: list[DeclaredVariable] = []
        taken: set[str] = set(constants)
        for path, name, item in self.named_variables(value):
            if len(found) == MAX_VARIABLES:
                self.fail(path, f"more than {MAX_VARIABLES} variables")
                break
            variable = self.variable(path, name, item)
            if variable is None:
                continue
            for entry in {variable.name, *variable.entries}:
                if entry in taken:
                    self.fail(path, f"{entry} is given twice", "choose another name")
                taken.add(entry)
            found.append(variable)
        entries = sum(len(variable.entries) for variable in found)
        if entries > MAX_ENTRIES:
            self.fail(("variables",), f"{entries} variables with repetitions, {MAX_ENTRIES} are allowed")
        return tuple(found)

    def named_variables(self, value: object) -> list[tuple[Path, str, object]]:
        """Path, name and content of each: a table by name, or a list whose entries have a name."""
        if not isinstance(value, list):
            named = self.table(("variables",), value)
            return [(("variables", name[:60]), name, item) for name, item in named.items()]
        found: list[tuple[Path, str, object]] = []
        for index, item in enumerate(self.items(("variables",), value, MAX_VARIABLES)):
            table = dict(self.table(("variables", index), item))
            name = self.text(("variables", index, "name"), table.pop("name", None), 40)
            if name is not None:
                found.append((("variables", index), name, table))
        return found

    def variable(self, path: Path, name: str, item: object) -> DeclaredVariable | None:
        table: Mapping[str, object] = {"choices": item} if isinstance(item, list) else self.table(path, item)
        self.unknown(path, table, ("choices", "repeat", "active"))
        inner = path if isinstance(item, list) else (*path, "choices")
        choices = self.choices(inner, table.get("choices"))
        repeat = table.get("repeat")
        if repeat is not None and (
            isinstance(repeat, bool) or not isinstance(repeat, int) or not 1 <= repeat <= MAX_ENTRIES
        ):
            self.fail((*path, "repeat"), f"must be a whole number from 1 to {MAX_ENTRIES}")
            return None
        active = table.get("active")
        if active is not None:
            active = self.expression((*path, "active"), active)
        if not self.symbol(path, name) or not choices:
            return None
        return DeclaredVariable(name, choices, repeat, active)

    def choices(self, path: Path, value: object) -> tuple[Choice, ...]:
        if value is None:
            self.fail(path, "is missing", "choices = […]")
            return ()
        items = self.items(path, value, MAX_CHOICES)
        found: list[Choice] = []
        for index, item in enumerate(items):
            if isinstance(item, str):
                if not _TEXT.fullmatch(item) or item == ABSENT:
                    hint = "letters, digits and . _ + -, a letter or digit first"
                    self.fail((*path, index), f"{item[:60]!r} is no choice", hint)
                    continue
            elif not isinstance(item, bool) and self.number((*path, index), item) is None:
                continue
            assert isinstance(item, str | bool | int | float)
            if any(item == other for other in found):
                self.fail((*path, index), f"{item!r} is given twice", "give it once")
                continue
            found.append(item)
        kinds = {
            str if isinstance(item, str) else bool if isinstance(item, bool) else float for item in found
        }
        if len(kinds) > 1:
            self.fail(path, "mixes texts, numbers and truth values", "one kind for each variable")
        if any(isinstance(item, float) for item in found):
            found = [float(item) if isinstance(item, int) else item for item in found]
        if isinstance(value, list) and len(value) < 2:
            self.fail(path, "needs at least two choices", "what does not vary is a constant")
        return tuple(found)

    def rules(self, value: object) -> tuple[DeclaredRule, ...]:
        found = []
        for index, item in enumerate(self.items(("rules",), value, MAX_RULES)):
            path: Path = ("rules", index)
            table = {"require": item} if isinstance(item, str) else self.table(path, item)
            self.unknown(path, table, ("require", "message"))
            require = self.expression((*path, "require"), table.get("require"))
            message = self.text((*path, "message"), table.get("message", f"not {require}"[:200]), 200)
            if require is not None and message is not None:
                found.append(DeclaredRule(require, message))
        return tuple(found)

    def costs(self, value: object) -> tuple[DeclaredCost, ...]:
        found = []
        for name, item in self.table(("costs",), value).items():
            path: Path = ("costs", name[:60])
            if name not in COST_NAMES and not OWN_COST.fullmatch(name):
                own = "cost_NAME (less is better) or gain_NAME (more is better) for your own"
                self.fail(path, f"{name[:60]!r} is no cost", f"{', '.join(COST_NAMES)}; {own}")
                continue
            table = self.table(path, item) if isinstance(item, dict) else {"formula": item}
            self.unknown(path, table, ("formula", "unit", "description"))
            formula = self.expression((*path, "formula"), table.get("formula"))
            unit = self.text((*path, "unit"), table.get("unit") or _UNITS.get(name, "-"), 20)
            description = self.text((*path, "description"), table.get("description") or name, 200)
            if name in _UNITS and unit not in (None, _UNITS[name]):
                self.fail((*path, "unit"), f"the unit of {name} is {_UNITS[name]}", "leave it out")
            if formula is not None and unit is not None and description is not None:
                found.append(DeclaredCost(name, formula, unit, description))
        if len(found) > MAX_COSTS:
            self.fail(("costs",), f"more than {MAX_COSTS} costs")
        return tuple(found[:MAX_COSTS])

    def metrics(self, value: object) -> tuple[DeclaredMetric, ...]:
        found = []
        for name, item in self.table(("metrics",), value).items():
            path: Path = ("metrics", name[:60])
            if not _NAME.fullmatch(name) or OWN_COST.fullmatch(name):
                hint = "small letters, digits and _; cost_NAME and gain_NAME belong to costs"
                self.fail(path, f"{name[:60]!r} is no name of a metric", hint)
                continue
            if name in METRICS:
                self.fail(path, f"{name!r} is a metric already", "use it as it is, or choose another name")
                continue
            table = {"direction": item} if isinstance(item, str) else self.table(path, item)
            self.unknown(path, table, ("direction", "unit", "range", "description"))
            direction = table.get("direction")
            if direction not in ("maximize", "minimize"):
                self.fail((*path, "direction"), "says not which way is better", "maximize or minimize")
                continue
            unit = self.text((*path, "unit"), table.get("unit") or "-", 20)
            description = self.text((*path, "description"), table.get("description") or name, 200)
            low, high = self.range((*path, "range"), table.get("range", [-MOST, MOST]))
            if unit is not None and description is not None:
                found.append(DeclaredMetric(name, str(direction), unit, low, high, description))
        if len(found) > MAX_METRICS:
            self.fail(("metrics",), f"more than {MAX_METRICS} metrics")
        return tuple(found[:MAX_METRICS])

    def range(self, path: Path, value: object) -> tuple[float, float]:
        items = self.items(path, value, 2)
        ends = [self.number((*path, index), item) for index, item in enumerate(items)]
        if None in ends:
            return -MOST, MOST
        low, high = (*[float(end) for end in ends if end is not None], 0.0, 0.0)[:2]
        if len(ends) != 2 or low >= high:
            self.fail(path, "is no range", "its least and its greatest value: [0, 100]")
            return -MOST, MOST
        return low, high

    def edges(self, value: object) -> tuple[str, ...]:
        table = self.table(("graph",), value)
        self.unknown(("graph",), table, ("edges",))
        items = self.items(("graph", "edges"), table.get("edges", []), 256)
        texts = [self.text(("graph", "edges", index), item, 500) for index, item in enumerate(items)]
        return tuple(text for text in texts if text is not None)

    def observations(
        self, value: object, tasks: tuple[str, ...], metrics: tuple[DeclaredMetric, ...]
    ) -> tuple[DeclaredObservation, ...]:
        own = {metric.name: metric.metric() for metric in metrics}
        found = []
        for index, item in enumerate(self.items(("observations",), value, MAX_OBSERVATIONS)):
            path: Path = ("observations", index)
            table = dict(self.table(path, item))
            architecture = table.pop("architecture", None)
            task = table.pop("task", tasks[0] if tasks else DEFAULT_TASK)
            if not isinstance(architecture, str | dict):
                self.fail((*path, "architecture"), "must be a string, or a table of variables")
                continue
            if not isinstance(task, str) or task not in tasks:
                self.fail((*path, "task"), "is no task of the space", f"one of {', '.join(tasks)}")
                continue
            values = {}
            for name, measured in table.items():
                number = self.measured((*path, name[:60]), name, measured, own)
                if number is not None:
                    values[name] = number
            if not values and not table:
                self.fail(path, "holds no value", "accuracy = 71.3")
            found.append(DeclaredObservation(architecture, values, task))
        return tuple(found)

    def measured(self, path: Path, name: str, value: object, own: Mapping[str, Metric]) -> float | None:
        if name not in ("accuracy", "loss", *own) and not OWN_COST.fullmatch(name):
            hint = "accuracy, loss, cost_NAME, gain_NAME or one of the metrics that are declared"
            self.fail(path, f"{name[:60]!r} is nothing that is observed", hint)
            return None
        number = self.number(path, value)
        metric = own.get(name) or METRICS[name]
        fault = None if number is None else value_fault(metric, float(number))
        if fault is not None:
            low, high = metric.range
            self.fail(path, fault, f"between {low:g} and {high:g}")
            return None
        return None if number is None else float(number)
