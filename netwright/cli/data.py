"""``netwright data …``: the benchmark tables, where they come from and whether they are here."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from netwright.cli.output import JsonOption, print_json, print_table
from netwright.cli.progress import progress_bar

if TYPE_CHECKING:
    from benchmarks.tables import TableStatus

app = typer.Typer(no_args_is_help=True)


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Which tables can be read here, and why not the others."""
    from benchmarks.tables import Tables
    from netwright.settings import Settings

    settings = Settings()
    _show(Tables(settings.cache_dir, settings.data).status(), as_json)


@app.command()
def prepare(as_json: JsonOption = False) -> None:
    """Convert the tables that are here into arrays that load in milliseconds."""
    from benchmarks.tables import Tables
    from netwright.settings import Settings

    settings = Settings()
    tables = Tables(settings.cache_dir, settings.data)
    total = len(tables.status())
    with progress_bar("tables") as show:
        done = 0

        def report(table: "TableStatus") -> None:
            nonlocal done
            done += 1
            show(done, total, table.name if table.unavailable is None else f"{table.name}: not here")

        statuses = tables.prepare(report)
    _show(statuses, as_json)


def _show(statuses: "list[TableStatus]", as_json: bool) -> None:
    if as_json:
        print_json({"tables": [asdict(status) for status in statuses]})
        return
    print_table(
        ["table", "space", "columns", "architectures", "state", "comes from"],
        [
            [
                table.name,
                table.space,
                len(table.columns),
                table.rows,
                table.unavailable or ("ready" if table.cached else "here, not converted yet"),
                table.origin,
            ]
            for table in statuses
        ],
    )
