"""How the command line speaks: answers on standard output, everything else on standard error."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

WIDE = 1_000

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]

# Made when used: a test that captures the streams replaces them after this module was imported.


def out() -> Console:
    """Where answers go; without a terminal there is no width to fit into."""
    console = Console(soft_wrap=True, highlight=False)
    return console if console.is_terminal else Console(soft_wrap=True, highlight=False, width=WIDE)


def err() -> Console:
    """Where progress, notes and errors go."""
    return Console(stderr=True, soft_wrap=True, highlight=False)


def print_json(value: object) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str))


def error_line(message: str) -> None:
    """One line that says what is wrong."""
    err().print(f"netwright: {message}", style="red", markup=False)


def note(message: str) -> None:
    """One line that says what happens."""
    err().print(message, style="dim", markup=False)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str | None = None) -> None:
    """A table; wide cells are folded, never cut."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    out().print(table, markup=False)


def cell(value: object) -> str:
    """A value as text: four significant digits, a dash for none.

    >>> cell(0.123456), cell(None), cell(True), cell(1531546), cell(["a", "b"])
    ('0.1235', '–', 'yes', '1531546', 'a, b')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value))
    return str(value)


def interval(metric: Mapping[str, Any]) -> str:
    """A predicted or measured value with its interval.

    >>> interval({"mean": 92.91, "std": 0.4, "lower": 92.2, "upper": 93.5, "source": "predicted"})
    '92.91 [92.2, 93.5]'
    >>> interval({"mean": 0.72, "source": "exact"})
    '0.72'
    """
    mean = f"{metric['mean']:.4g}"
    lower, upper = metric.get("lower"), metric.get("upper")
    if lower is None or upper is None or lower == upper:
        return mean
    return f"{mean} [{lower:.4g}, {upper:.4g}]"
