"""The observations of a study as CSV, as a table, and from Optuna."""

import csv
import io
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from netwright.client.transport import Json

FIXED = ("number", "architecture", "fidelity", "run", "failed", "seconds", "client_id", "at")
STD = "std:"


def to_csv(observations: Iterable[Json]) -> str:
    """CSV of observations as the server gives them: a column for each quantity, ``std:…`` for its spread."""
    rows = list(observations)
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    spreads = list(dict.fromkeys(key for row in rows for key in row.get("std") or {}))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*FIXED, *keys, *(STD + key for key in spreads)])
    for row in rows:
        std = row.get("std") or {}
        told = [row["values"].get(key, "") for key in keys]
        writer.writerow(
            [*(_cell(row.get(name)) for name in FIXED), *told, *(std.get(k, "") for k in spreads)]
        )
    return text.getvalue()


def from_csv(text: str) -> list[Json]:
    """What :meth:`netwright.client.studies.StudyHandle.tell` takes, from CSV that :func:`to_csv` wrote, or
    from any with a column ``architecture`` and one for each quantity.

    Raises:
        ValueError: naming the line and the column that is wrong.
    """
    found: list[Json] = []
    reader = csv.DictReader(io.StringIO(text))
    if "architecture" not in (reader.fieldnames or ()):
        raise ValueError("line 1: there is no column architecture")
    for row in reader:
        item: Json = {"architecture": row.pop("architecture")}
        values, spreads = dict[str, float](), dict[str, float]()
        for name, cell in row.items():
            if cell is None or cell == "" or name is None:
                continue
            if name in ("fidelity", "run", "failed"):
                item[name] = cell
            elif name == "seconds":
                item[name] = _number(cell, reader.line_num, name)
            elif name.startswith(STD):
                spreads[name.removeprefix(STD)] = _number(cell, reader.line_num, name)
            elif name not in FIXED:
                values[name] = _number(cell, reader.line_num, name)
        if "failed" not in item:
            item["values"] = values
            if spreads:
                item["std"] = spreads
        found.append(item)
    return found


def from_optuna(study: Any, names: Mapping[str, str] | None = None) -> list[Json]:
    """What :meth:`netwright.client.studies.StudyHandle.tell` takes, from the finished trials of an Optuna
    study whose parameters are the variables of the space.

    Args:
        study: an ``optuna.Study``.
        names: its metrics in their order → the quantities here; by default its ``metric_names``.

    Raises:
        ValueError: it names no metrics, and ``names`` does not either.
    """
    given = list(getattr(study, "metric_names", None) or [])
    count = len(study.directions)
    keys = list(names.values()) if names is not None else given
    if len(keys) != count:
        raise ValueError(f"the study has {count} values a trial; name the quantity of each in names")
    found: list[Json] = []
    for trial in study.trials:
        item: Json = {"architecture": dict(trial.params), "run": f"optuna-{trial.number}"}
        if trial.state.name == "COMPLETE":
            item["values"] = dict(zip(keys, map(float, trial.values), strict=True))
        elif trial.state.name == "FAIL" and trial.params:
            item |= {"failed": str(trial.system_attrs.get("fail_reason") or "failed in Optuna")}
        else:
            continue
        if trial.duration is not None:
            item["seconds"] = trial.duration.total_seconds()
        found.append(item)
    return found


def to_pandas(observations: Iterable[Json]) -> Any:
    """A ``pandas.DataFrame`` with a row for each observation and a column for each quantity.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        pandas: Any = import_module("pandas")
    except ImportError:
        raise ImportError("to_pandas needs pandas: pip install pandas") from None
    rows = []
    for row in observations:
        rest = {name: value for name, value in row.items() if name not in ("values", "std")}
        spreads = {STD + key: value for key, value in (row.get("std") or {}).items()}
        rows.append({**rest, **row["values"], **spreads})
    return pandas.DataFrame(rows)


def _cell(value: object) -> object:
    return "" if value is None else value


def _number(cell: str, line: int, name: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise ValueError(f"line {line}: {name} is {cell[:60]!r} and no number") from None
