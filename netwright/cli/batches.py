"""What ``netwright design --batch`` and ``netwright jobs`` show of a batch."""

from typing import Any

import typer

from netwright.cli.exit_codes import ExitCode
from netwright.cli.output import cell, interval, out, print_json, print_table
from netwright.client.client import JobHandle

ANSWERED = ("succeeded", "infeasible")


def show_batch(handle: JobHandle, *, as_json: bool) -> None:
    """Prints what came of an ended batch, a line for each design, or everything as JSON.

    Raises:
        typer.Exit: 1 where a design failed or was cancelled; 4 where every one is infeasible.
    """
    job, rows = handle.refresh(), list(handle.designs())
    if as_json:
        print_json({"job": job, "designs": rows})
    else:
        columns = ["index", "space", "task", "varied", "state", "best", "reason"]
        print_table(columns, [_row(each) for each in rows])
        out().print(f"batch {job['id']}: {job['progress']['message']}", markup=False)
    states = [each["job"]["state"] for each in rows]
    if any(state not in ANSWERED for state in states):
        raise typer.Exit(ExitCode.FAILED)
    if all(state == "infeasible" for state in states):
        raise typer.Exit(ExitCode.INFEASIBLE)


def show_rows(rows: list[dict[str, Any]]) -> None:
    """Prints a batch's table."""
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    print_table(
        ["index", "task", "device", "bounds", "state", "architecture", *keys],
        [
            [
                row["index"],
                row["task"],
                row["devices"] or None,
                ", ".join(_bound(key, ends) for key, ends in row["bounds"].items()) or None,
                row["state"],
                row["architecture"] or row["nearest"],
                *(interval(row["values"][key]) if key in row["values"] else None for key in keys),
            ]
            for row in rows
        ],
    )


def _bound(key: str, ends: dict[str, float | None]) -> str:
    """A bound as it is typed.

    >>> _bound("params_m", {"min": None, "max": 0.5}), _bound("accuracy", {"min": 90.0, "max": 95.0})
    ('params_m<=0.5', '90<=accuracy<=95')
    """
    low, high = ends["min"], ends["max"]
    if high is None:
        return f"{key}>={cell(low)}"
    return f"{'' if low is None else cell(low) + '<='}{key}<={cell(high)}"


def _row(design: dict[str, Any]) -> list[object]:
    varied = ", ".join(f"{name}={cell(value)}" for name, value in (design["varied"] or {}).items())
    job = design["job"]
    return [
        design["index"],
        design["space"],
        design["task"],
        varied or None,
        job["state"],
        _best(design["result"]),
        job["reason"],
    ]


def _best(result: dict[str, Any] | None) -> str | None:
    if not result or not result["architectures"]:
        return None
    first = result["architectures"][0]
    values = ", ".join(f"{key} {interval(value)}" for key, value in first["metrics"].items())
    return f"{first['architecture']} ({values})"
