"""``netwright studies …``: a search that you drive: ask for architectures, report what evaluations
brought."""

import math
from typing import Annotated, Any

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.output import JsonOption, note, out, print_json, print_table
from netwright.cli.quantities import constraint, quantity, recipe
from search.strategies import STRATEGIES
from spaces.known import SPACES
from spaces.metric import METRICS, value_fault

app = typer.Typer(no_args_is_help=True)

StudyArgument = Annotated[str, typer.Argument(help="The study's id, or as much of it as no other has.")]


@app.command()
def create(
    space: Annotated[str, typer.Option(help=f"One of {', '.join(SPACES.names())}.")],
    task: Annotated[str, typer.Option(help="For example cifar10.")],
    bound: Annotated[
        list[str] | None, typer.Option(help="A hard bound such as 'params_m<=0.5'; may be repeated.")
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="What to make good; the accuracy on the task unless said.")
    ] = None,
    strategy: Annotated[str, typer.Option(help=f"One of {', '.join(STRATEGIES.names())}.")] = "bayes",
    flat: Annotated[bool, typer.Option("--flat", help="Prefer optima whose neighbours are good.")] = False,
    recipe_part: Annotated[
        list[str] | None,
        typer.Option("--recipe", help="Search the training's recipe too: 'epochs=6,12'; may be repeated."),
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the images that the networks are for, in pixels.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Every random choice follows from it.")] = 0,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a study; prints its id."""
    with connected(url) as client:
        handle = client.create_study(
            space,
            task,
            constraints=[constraint(text) for text in bound or []],
            objectives=[quantity(text) for text in objective or []],
            strategy=strategy,
            flat=flat,
            seed=seed,
            recipe=recipe(recipe_part),
            resolution=resolution,
        )
    if as_json:
        print_json(handle.study)
    else:
        out().print(handle.id, markup=False)


@app.command()
def suggest(
    study: StudyArgument,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 1,
    client_id: Annotated[
        str, typer.Option("--client", help="Who asks; the same one gets its unfinished suggestions back.")
    ] = "command-line",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Architectures to evaluate, one a line."""
    with connected(url) as client:
        handle = client.study(study, client_id=client_id)
        found = handle.suggest(count)
    if as_json:
        shown: dict[str, Any] = {
            "study": study,
            "client_id": client_id,
            "architectures": found,
            "exhausted": handle.exhausted,
        }
        shown["suggestions"] = handle.suggestions
        print_json(shown)
        return
    if handle.exhausted is not None:
        note(handle.exhausted)
    for architecture in found:
        out().print(architecture, markup=False)


@app.command()
def observe(
    study: StudyArgument,
    architecture: Annotated[str, typer.Argument(help="What was evaluated.")],
    value: Annotated[
        list[str] | None, typer.Option(help="Such as accuracy=93.1 or latency_ms@my-board=4; repeatable.")
    ] = None,
    failed: Annotated[str | None, typer.Option(help="Why there are no values.")] = None,
    fidelity: Annotated[str, typer.Option(help="full, or the name of a cheaper evaluation.")] = "full",
    seconds: Annotated[float, typer.Option(help="What it cost.")] = 0.0,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what an evaluation brought, or why it failed."""
    if bool(value) == (failed is not None):
        raise typer.BadParameter("give --value, or --failed with the reason")
    values = dict(_value(text) for text in value or [])
    with connected(url) as client:
        handle = client.study(study)
        if failed is not None:
            shown = {"architecture": architecture, "failed": failed, "fidelity": fidelity, "seconds": seconds}
            answer = handle.tell([shown])
        else:
            answer = handle.observe(architecture, values, fidelity=fidelity, seconds=seconds)
    if as_json:
        print_json(answer)
    else:
        out().print(f"{answer['study']['observed']} observed, {answer['study']['waiting']} waiting")


@app.command()
def show(study: StudyArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Where a study stands, and the best that was observed within its bounds."""
    with connected(url) as client:
        shown = client.study(study).study
    if as_json:
        print_json(shown)
        return
    out().print(
        f"{shown['id']}: {shown['state']}, {shown['strategy']} in {shown['space']}, "
        f"{shown['suggested']} suggested, "
        f"{shown['waiting']} waiting, {shown['observed']} observed, {shown['failed']} failed",
        markup=False,
    )
    keys = list(dict.fromkeys(key for entry in shown["best"] for key in entry["values"]))
    rows = [[e["architecture"], *(e["values"].get(key) for key in keys)] for e in shown["best"]]
    print_table(["best", *keys], rows)


@app.command("list")
def list_studies(url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Your studies, newest first."""
    with connected(url) as client:
        found = client.studies()
    if as_json:
        print_json({"studies": found})
        return
    columns = ["id", "state", "space", "task", "strategy", "observed", "waiting"]
    print_table(columns, [[study[name] for name in columns] for study in found])


@app.command()
def close(study: StudyArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """End suggesting; what is under way can still be told."""
    with connected(url) as client:
        shown = client.study(study).close()
    if as_json:
        print_json(shown)
    else:
        out().print(f"{shown['id']}: {shown['state']}", markup=False)


@app.command()
def delete(study: StudyArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Remove a study with all its observations."""
    with connected(url) as client:
        client.study(study).delete()
    if as_json:
        print_json({"deleted": study})


def _value(text: str) -> tuple[str, float]:
    """A quantity and its value.

    >>> _value("latency_ms@my-board=4.5")
    ('latency_ms@my-board', 4.5)
    """
    name, sign, number = text.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not sign or not math.isfinite(value):
        raise typer.BadParameter(f"{text!r} is no value; write for example accuracy=93.1")
    metric = name.partition("@")[0]
    fault = value_fault(metric, value) if metric in METRICS else None
    if fault is not None:
        raise typer.BadParameter(f"{name} {fault}")
    return name, value
