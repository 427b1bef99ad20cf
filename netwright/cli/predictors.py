"""``netwright predictors``: predictors of one's own, trained from a file of observations."""

from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.connect import UrlOption, connected, connected_with_workers
from netwright.cli.measurements import read_measurements, read_text
from netwright.cli.output import JsonOption, note, print_json, print_table
from netwright.cli.progress import follow
from netwright.cli.quantities import quantity
from predictors.kinds import KINDS
from spaces.known import SPACES

app = typer.Typer(no_args_is_help=True)

FileOption = Annotated[
    Path, typer.Option(help="Lines of ARCHITECTURE,VALUE (or tabs or semicolons); - for standard input.")
]
IdArgument = Annotated[str, typer.Argument(help="The predictor's id, or as much of it as no other has.")]


@app.command()
def train(
    space: Annotated[str, typer.Option(help=f"One of {', '.join(SPACES.names())}.")],
    metric: Annotated[str, typer.Option(help="What was observed, for example accuracy@cifar10.")],
    file: FileOption,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS.names())}.")] = "auto",
    source: Annotated[
        str | None, typer.Option(help="Task that --kind precision starts from, for example cifar10-fp32.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a predictor and wait for it; without --url the embedded stack runs for the call."""
    observations = read_measurements(read_text(file), metric.partition("@")[0])
    wanted = quantity(metric)
    start = None if source is None else {"task": source}
    with connected_with_workers(url) as client:
        job = client.train_predictor(
            space,
            wanted["metric"],
            observations,
            task=wanted.get("task"),
            device=wanted.get("device"),
            kind=kind,
            source=start,
        )
        identity = str(job["predictor"])
        follow(job)
        job.result()
        found = client.predictor(identity)
    _show(found, as_json)


@app.command("list")
def list_predictors(
    space: Annotated[str | None, typer.Option(help="Those of one space.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Your predictors, newest first."""
    with connected(url) as client:
        found = client.predictors(space)
    if as_json:
        print_json({"predictors": found})
        return
    columns = ["id", "space", "quantity", "kind", "state", "labels", "rank correlation"]
    print_table(columns, [[*_short(entry), _figure(entry, "spearman")] for entry in found])


@app.command()
def show(predictor: IdArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """One predictor: what it predicts, how well, and by which weights."""
    with connected(url) as client:
        found = client.predictor(predictor)
    _show(found, as_json)


@app.command()
def observe(
    predictor: IdArgument, file: FileOption, url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Add observations to a predictor; many are learned by a job, for which a server has to run."""
    observations = read_measurements(read_text(file))
    with connected(url) as client:
        answer = client.observe_predictor(predictor, observations)
        if "predictor" in answer and not as_json:
            note(f"job {answer['id']} learns them; the version before answers until it has")
        found = client.predictor(predictor)
    _show(found, as_json)


@app.command()
def delete(predictor: IdArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Remove a predictor with its observations and weights."""
    with connected(url) as client:
        client.delete_predictor(predictor)
    if as_json:
        print_json({"deleted": predictor})


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [[name, found[name]] for name in ("id", "space", "quantity", "kind", "state", "labels", "reason")]
    current = found["current"]
    if current is not None:
        rows += [["version", current["version"]], ["model", current["model"]]]
        quality = current["cross_validation"] or {}
        rows += [[f"cross-validated {name.replace('_', ' ')}", value] for name, value in quality.items()]
    print_table(["", ""], [row for row in rows if row[1] is not None])


def _short(entry: dict[str, Any]) -> list[Any]:
    return [entry[name] for name in ("id", "space", "quantity", "kind", "state", "labels")]


def _figure(entry: dict[str, Any], name: str) -> Any:
    quality = (entry["current"] or {}).get("cross_validation") or {}
    return quality.get(name)
