"""A comparison as a table for people."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from experiments.comparison import Comparison
from experiments.row import Row


def report(comparison: Comparison) -> Group:
    """Protocol, one line a row, and where the figures come from."""
    table = Table(title=comparison.name)
    for heading in ("row", "value", "n", "unit", "goal", "published", "holds", "source"):
        table.add_column(heading, justify="right" if heading in ("value", "n", "published") else "left")
    for row in comparison.rows:
        table.add_row(*_cells(row))
    specification = ", ".join(f"{name} {value}" for name, value in comparison.machine.items())
    ending = f"{comparison.seconds:.1f} s · commit {comparison.commit} · {specification}"
    return Group(Text(comparison.protocol), table, Text(ending))


def _cells(row: Row) -> tuple[str, ...]:
    value = "—" if row.value is None else f"{row.value:.4g}"
    spread = "" if row.std is None else f" ± {row.std:.2g}"
    verdict = {True: "yes", False: "NO", None: "" if row.goal is None else "not judged"}[row.holds]
    return (
        row.id,
        value + spread,
        "" if row.n is None else str(row.n),
        row.unit,
        "" if row.goal is None else str(row.goal),
        "" if row.published is None else f"{row.published:g}",
        verdict,
        row.source if row.reason is None else row.reason,
    )
