"""A comparison as a table for people."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from experiments.framework.comparison import Comparison
from experiments.framework.row import Row


def report(comparison: Comparison) -> Group:
    """Protocol, one line a row, and where the figures come from."""
    table = Table(title=comparison.name)
    for heading in ("row", "kind", "value", "n", "unit", "goal", "p", "verdict", "published", "source"):
        table.add_column(heading, justify="right" if heading in ("value", "n", "p") else "left")
    for row, origin in zip(comparison.rows, comparison.origins, strict=True):
        verdict = comparison.verdict(row, origin)
        table.add_row(*_cells(row, "" if verdict is None else str(verdict)))
    specification = ", ".join(f"{name} {value}" for name, value in comparison.machine.items())
    ending = f"{comparison.seconds:.1f} s · commit {comparison.commit} · {specification}"
    return Group(Text(comparison.protocol), table, Text(ending))


def _cells(row: Row, verdict: str) -> tuple[str, ...]:
    value = "—" if row.value is None else f"{row.value:.4g}"
    error = "" if row.standard_error is None else f" ± {row.standard_error:.2g}"
    return (
        row.id,
        str(row.kind),
        value + error,
        "" if row.n is None else f"{row.n} {row.over}",
        row.unit,
        "" if row.goal is None else str(row.goal),
        "" if row.p is None else f"{row.p:.2g}",
        verdict,
        "" if row.published is None else str(row.published),
        row.source if row.reason is None else row.reason,
    )
