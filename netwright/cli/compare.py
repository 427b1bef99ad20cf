"""``netwright compare NAME``: the figures of the documentation, made again."""

from typing import Annotated

import typer

from netwright.cli.exit_codes import ExitCode, errors_reported, stop
from netwright.cli.output import JsonOption, note, out, print_json, print_table
from netwright.cli.progress import progress_bar

app = typer.Typer()


@app.command()
def compare(
    name: Annotated[str | None, typer.Argument(help="Which comparison; none: list them.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All seeds; writes docs/figures/NAME.json.")] = False,
    seeds: Annotated[int | None, typer.Option(min=1, help="Another number of seeds.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute anew what is cached.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 where a goal is not met.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes that parts may use.")] = 2,
    docs: Annotated[bool, typer.Option("--write-docs", help="Write the figures into the docs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a comparison, or list them all."""
    from benchmarks.tables import Tables
    from experiments.framework.catalogue import comparisons
    from experiments.framework.report import report
    from experiments.framework.results import to_text
    from experiments.framework.run import run
    from netwright.logs import set_up_logs
    from netwright.settings import Settings

    if docs:
        _write_docs()
        return
    known = comparisons()
    if name is None:
        listed = [{"name": entry.name, "protocol": entry.protocol} for entry in known.values()]
        if as_json:
            print_json({"comparisons": listed})
        else:
            print_table(["name", "protocol"], [[entry["name"], entry["protocol"]] for entry in listed])
        return
    if name not in known:
        raise stop(f"no comparison {name!r}; known are {', '.join(known) or 'none'}", ExitCode.INVALID)
    settings = Settings()
    set_up_logs("WARNING")  # a comparison may run servers in this process; --json is for the result alone
    with errors_reported(), progress_bar(f"compare {name}") as show:
        outcome = run(
            name,
            tables=Tables(settings.cache_dir, settings.data),
            cache_dir=settings.cache_dir,
            full=full,
            seeds=seeds,
            fresh=fresh,
            workers=workers,
            progress=show,
        )
    if outcome.cached:
        note("from the cache: same code, same tables, same machine (--fresh computes anew)")
    if outcome.figure is not None:
        note(f"written to {outcome.figure}")
    if as_json:
        typer.echo(to_text(outcome.comparison.to_dict()), nl=False)
    else:
        out().print(report(outcome.comparison))
    if check and not outcome.comparison.passes:
        raise typer.Exit(ExitCode.FAILED)


def _write_docs() -> None:
    from experiments.framework.docs import FigureMissing, write_docs
    from experiments.framework.machine import checkout

    root = checkout()
    if root is None:
        raise stop("pages are written in a checkout alone", ExitCode.INVALID)
    try:
        changed = write_docs(root)
    except FigureMissing as error:
        raise stop(f"{error.args[0]}; netwright compare NAME --full makes it", ExitCode.FAILED) from None
    note(", ".join(str(path.relative_to(root)) for path in changed) or "every page is as the figures say")
