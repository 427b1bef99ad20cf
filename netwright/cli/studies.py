"""``netwright studies …``: a search that you drive: ask for architectures, report what evaluations
brought."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, note, out, print_json, print_table
from netwright.cli.quantities import constraint, quantity, recipe
from netwright.cli.spaces import read_declaration
from search.strategies import STRATEGIES
from spaces.known import SPACES
from spaces.metric import METRICS, value_fault

app = typer.Typer(no_args_is_help=True)

StudyArgument = Annotated[str, typer.Argument(help="The study's id, or as much of it as no other has.")]


@app.command()
def create(
    space: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(SPACES.names())}, or one of your own.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Any name; of a declared space its first task.")] = None,
    space_file: Annotated[
        Path | None, typer.Option(help="Declare this TOML or JSON file's space first, and search in it.")
    ] = None,
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
    track: Annotated[
        list[str] | None, typer.Option(help="Name of a value that is only kept; may be repeated.")
    ] = None,
    lease_seconds: Annotated[
        float | None, typer.Option(help="How long a silent client keeps its suggestions; a day.")
    ] = None,
    distinct: Annotated[
        str,
        typer.Option(help="function: no two that compute the same at equal cost; string: any two strings."),
    ] = "function",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open a study; prints its id."""
    declaration = None if space_file is None else read_declaration(space_file)
    space = space if declaration is None else str(declaration["name"])
    if space is None:
        raise typer.BadParameter("give --space, or --space-file")
    own = space not in SPACES.names()
    lease: dict[str, Any] = {} if lease_seconds is None else {"lease_seconds": lease_seconds}
    with connected(url) as client:
        if declaration is not None:
            client.declare_space(declaration)
        handle = client.create_study(
            space,
            task,
            constraints=[constraint(text, own=own) for text in bound or []],
            objectives=[quantity(text, own=own) for text in objective or []],
            strategy=strategy,
            flat=flat,
            seed=seed,
            recipe=recipe(recipe_part),
            resolution=resolution,
            tracked=track or [],
            **lease,
            distinct=distinct,
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
    std: Annotated[
        list[str] | None, typer.Option(help="Standard deviation of a value: accuracy=0.3; repeatable.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="Which of several measurements it is.")] = None,
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
            spreads = dict(_value(text) for text in std or []) or None
            answer = handle.observe(
                architecture, values, fidelity=fidelity, seconds=seconds, std=spreads, run=run
            )
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
    if shown.get("nearest") is not None:
        nearest = shown["nearest"]
        out().print(f"nothing is within the bounds; nearest: {nearest['architecture']}", markup=False)
        columns = ["constraint", "min", "max", "value", "gap"]
        print_table(columns, [[gap.get(name) for name in columns] for gap in nearest["gaps"]])
        return
    keys = list(dict.fromkeys(key for entry in shown["best"] for key in entry["values"]))
    rows = [[e["architecture"], *(e["values"].get(key) for key in keys)] for e in shown["best"]]
    print_table(["best", *keys], rows)


@app.command()
def enqueue(
    study: StudyArgument,
    architecture: Annotated[list[str], typer.Argument(help="What is suggested before anything new.")],
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have architectures of your choice suggested first."""
    with connected(url) as client:
        queued = client.study(study).enqueue(architecture)
    if as_json:
        print_json({"queued": queued})
    else:
        out().print(f"{len(queued)} enqueued")


@app.command()
def release(
    study: StudyArgument,
    architecture: Annotated[
        list[str] | None, typer.Argument(help="All of the client's unless named.")
    ] = None,
    client_id: Annotated[str, typer.Option("--client", help="Who gives back.")] = "command-line",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give suggestions back: the next other client gets them."""
    with connected(url) as client:
        released = client.study(study, client_id=client_id).release(architecture or None)
    if as_json:
        print_json({"released": released})
    else:
        out().print(f"{len(released)} given back")


@app.command("set")
def change(
    study: StudyArgument,
    bound: Annotated[
        list[str] | None, typer.Option(help="Bounds in the place of all that there are; may be repeated.")
    ] = None,
    fix: Annotated[
        list[str] | None, typer.Option(help="A variable that stays: width=64; may be repeated.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an open study: its bounds, the variables that stay."""
    asked: dict[str, Any] = {}
    if bound:
        asked["constraints"] = [constraint(text, own=True) for text in bound]
    if fix:
        asked["fixed"] = dict(_choice(text) for text in fix)
    if not asked:
        raise typer.BadParameter("give --bound or --fix")
    with connected(url) as client:
        shown = client.study(study).change(**asked)
    if as_json:
        print_json(shown)
    else:
        out().print(f"{shown['id']}: changed", markup=False)


@app.command("export")
def export_csv(
    study: StudyArgument,
    file: Annotated[Path | None, typer.Option("--csv", help="Where to; standard output unless said.")] = None,
    url: UrlOption = None,
) -> None:
    """Everything that was told, as CSV."""
    with connected(url) as client:
        text = client.study(study).export_csv()
    if file is None:
        out().print(text, end="", markup=False, soft_wrap=True)
    else:
        file.write_text(text, encoding="utf-8")
        note(f"{file}: {text.count(chr(10)) - 1} observations")


@app.command("import")
def import_csv(
    study: StudyArgument,
    file: Annotated[Path, typer.Argument(help="CSV with architecture and a column for each quantity.")],
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a CSV file holds."""
    try:
        text = file.read_text(encoding="utf-8")
        with connected(url) as client:
            answer = client.study(study).import_csv(text)
    except (OSError, ValueError) as error:
        raise stop(f"{file}: {error}", ExitCode.INVALID) from None
    if as_json:
        print_json(answer)
    else:
        out().print(f"{answer['news']} told, {answer['study']['observed']} observed")


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


def _choice(text: str) -> tuple[str, Any]:
    """A variable and its choice.

    >>> _choice("width=64"), _choice("act=relu"), _choice("wide=true")
    (('width', 64), ('act', 'relu'), ('wide', True))
    """
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text!r} fixes nothing; write for example width=64")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


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
