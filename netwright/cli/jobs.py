"""``netwright jobs …``: where queued work stands."""

from typing import Annotated, Any

import typer

from netwright.cli.batches import show_rows
from netwright.cli.connect import UrlOption, connected, connected_with_workers
from netwright.cli.design import show_outcome
from netwright.cli.output import JsonOption, out, print_json, print_table
from netwright.cli.progress import follow, missing_workers_reported
from store.database.ids import short_id

app = typer.Typer(no_args_is_help=True)

JobId = Annotated[
    str, typer.Argument(help="The job's id, or as much of it as no other job has.", show_default=False)
]


@app.command("list")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    after: Annotated[str | None, typer.Option(help="Id of the last job of the page before.")] = None,
    state: Annotated[str | None, typer.Option(help="Only jobs in this state.")] = None,
    parent: Annotated[str | None, typer.Option(help="The jobs of this batch instead.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """The newest jobs; those of batches only with --parent."""
    with connected(url) as client:
        page = client.jobs(limit=limit, after=after, state=state, parent=parent)
    if as_json:
        print_json(page)
        return
    columns = ["id", "kind", "name", "state", "attempt", "progress", "created", "reason"]
    print_table(columns, [_row(job) for job in page["jobs"]])
    if page["has_more"]:
        out().print(f"more: netwright jobs list --after {page['jobs'][-1]['id']}")


def _row(job: dict[str, Any]) -> list[object]:
    progress = job["progress"]
    return [
        job["id"],
        job["kind"],
        job["name"],
        job["state"],
        job["attempt"],
        f"{progress['done']}/{progress['total']}",
        job["created_at"][:19],
        job["reason"],
    ]


@app.command()
def trials(
    job_id: JobId,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every evaluation of a design so far, with the prediction made before."""
    with connected(url) as client:
        handle = client.job(job_id)
        if as_csv:
            out().print(handle.evaluations_csv(), end="", markup=False, soft_wrap=True)
            return
        rows = handle.evaluations()
    if as_json:
        print_json({"job": handle.id, "evaluations": rows})
        return
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    print_table(
        ["number", "architecture", *keys, "seconds", "source", "failed"],
        [
            [
                row["number"],
                row["architecture"],
                *(row["values"].get(key) for key in keys),
                round(row["seconds"], 1),
                row["client_id"] or row["source"],
                row["failed"],
            ]
            for row in rows
        ],
    )


@app.command()
def show(job_id: JobId, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Where a job stands, and what came of it."""
    with connected(url) as client:
        handle = client.job(job_id)
        ended = handle.state in ("succeeded", "infeasible")
        if ended or (handle.job["kind"] == "batch" and handle.state in ("failed", "cancelled")):
            show_outcome(handle, handle.job, as_json=as_json)
        else:
            _print(handle.job, as_json)


@app.command()
def watch(job_id: JobId, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Follow a job until it has ended; says so where no worker is running."""
    with connected(url) as client:
        handle = client.job(job_id)
        resumed = f"netwright jobs resume {short_id(handle.id)}"
        hint = f"start one with: {resumed}" if url is None else "start one there with: netwright worker"
        with missing_workers_reported(client, handle, hint):
            job = follow(handle)
        show_outcome(handle, job, as_json=as_json)


@app.command()
def resume(job_id: JobId, as_json: JsonOption = False) -> None:
    """Start workers on this machine's data folder, and follow a job until it has ended."""
    with connected_with_workers(None) as client:
        handle = client.job(job_id)
        show_outcome(handle, follow(handle), as_json=as_json)


@app.command()
def table(
    job_id: JobId,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead.")] = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """A batch as one table: task, device, bound, and the best architecture of each design so far."""
    with connected(url) as client:
        handle = client.job(job_id)
        if csv:
            typer.echo(handle.table_csv(), nl=False)
            return
        rows = handle.table()
    if as_json:
        print_json({"batch": handle.id, "rows": rows})
        return
    show_rows(rows)


@app.command()
def cancel(job_id: JobId, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Ask that a job stop."""
    with connected(url) as client:
        _print(client.job(job_id).cancel(), as_json)


@app.command()
def retry(job_id: JobId, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Order the work of an ended job again, as a new job."""
    with connected(url) as client:
        _print(client.job(job_id).retry().job, as_json)


def _print(job: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    progress = job["progress"]
    shown = {name: value for name, value in job.items() if name not in ("progress", "urls")}
    shown["progress"] = f"{progress['done']}/{progress['total']} {progress['message']}"
    print_table(["", ""], list(shown.items()))
