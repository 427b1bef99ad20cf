"""``netwright data …``: the benchmark tables that are here, and the blobs that nothing names any more."""

from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from netwright.cli.exit_codes import store_errors_reported
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


@app.command()
def collect(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    grace: Annotated[
        float | None,
        typer.Option(help="Seconds for which a blob stays that no row names. [NETWRIGHT_BLOB_GRACE_SECONDS]"),
    ] = None,
    adopt: Annotated[
        bool,
        typer.Option("--adopt", help="Take over blobs whose database is gone; never those of one in use."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Set aside the blobs that no row names, and purge those set aside before.

    The relay does this by itself now and then; it is safe beside running work.
    """
    from netwright.api import open_store
    from netwright.settings import Settings
    from store.blobs.collector import collect as collect_blobs
    from store.blobs.urls import open_blobs

    settings = Settings()
    with store_errors_reported(), closing(open_store(settings)) as store:
        done = collect_blobs(
            store,
            open_blobs(settings.blob_folder_url),
            grace_seconds=settings.blob_grace_seconds if grace is None else grace,
            dry_run=dry_run,
            adopt=adopt,
        )
    if as_json:
        print_json({"dry_run": dry_run, **asdict(done)})
        return
    columns = ["blobs", "bytes", "set aside", "restored", "purged", "bytes purged", "slots dropped"]
    print_table(columns, [[f"{value:,}" for value in asdict(done).values()]])


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
