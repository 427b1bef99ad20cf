"""``netwright datasets add|list|show|remove``: whole data sets to train on."""

from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.connect import UrlOption, connected, connected_with_workers
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, out, print_json, print_table
from netwright.cli.progress import follow, missing_workers_reported, progress_bar

app = typer.Typer(no_args_is_help=True)

KB = 1000
MB = 1 << 20
RETRY_SECONDS = 60.0
"""How long an upload waits for a line or an API that comes back."""
NameArgument = Annotated[str, typer.Argument(help="What designs call the data set.")]


@app.command()
def add(
    name: NameArgument,
    path: Annotated[
        Path, typer.Argument(help="A zip, tar or npz, or a folder of class folders.", exists=True)
    ],
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Upload a data set; run again after a break, it goes on where it stopped."""
    with connected_with_workers(url, RETRY_SECONDS) as client:
        with progress_bar(f"upload {name}") as show:

            def sent(done: int, whole: int) -> None:
                size, unit = (MB, "MB") if whole >= 10 * MB else (KB, "kB")
                show(done // size, whole // size, unit)

            job = client.add_dataset(name, path, on_bytes=sent)
        with missing_workers_reported(client, job, "start one with: netwright worker"):
            ended = follow(job)
        found = client.dataset(name)
    if found["state"] != "ready":
        raise stop(f"{name} cannot be used: {ended['reason']}", ExitCode.FAILED)
    _print(found, as_json)


@app.command("list")
def list_datasets(url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Your data sets."""
    with connected(url) as client:
        found = client.datasets()
    if as_json:
        print_json({"datasets": found})
        return
    rows = [
        [each["dataset"], each["state"], f"{each['received'] / MB:.1f} of {each['length'] / MB:.1f} MB"]
        for each in found
    ]
    print_table(["name", "state", "arrived"], rows)


@app.command()
def show(name: NameArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """A data set: what is in it, what was left out and why."""
    with connected(url) as client:
        found = client.dataset(name)
    _print(found, as_json)


@app.command()
def remove(name: NameArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Remove a data set; jobs that were ordered for it go on."""
    with connected(url) as client:
        client.delete_dataset(name)
    if as_json:
        print_json({"removed": name})


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    out().print(f"{found['dataset']}: {found['state']}", markup=False)
    if found["reason"]:
        out().print(found["reason"], markup=False)
    if found["images"] is None:
        return
    parts = list(found["images"])
    rows = [[name, *(found["images"][part].get(name, 0) for part in parts)] for name in found["classes"]]
    print_table(["class", *parts], rows)
    (low, high), (wide, tall) = found["smallest"], found["largest"]
    out().print(f"images from {low}×{high} to {wide}×{tall} pixels", markup=False)
    for why, count in found["left_out"].items():
        out().print(f"left out: {count} {why}", markup=False)
    for splits, count in found["duplicates"].items():
        out().print(f"the same in {splits}: {count}", markup=False)
