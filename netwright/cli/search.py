"""``netwright search``: a search that evaluates architectures by a command of yours."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, note, out, print_json, print_table
from netwright.cli.progress import progress_bar
from netwright.cli.quantities import constraint, quantity
from netwright.cli.spaces import read_declaration
from netwright.client.transport import Json
from search.strategies import STRATEGIES
from spaces.known import SPACES

app = typer.Typer()


@app.command()
def search(
    run: Annotated[
        str,
        typer.Option(
            help="Evaluates: the choices are JSON in NETWRIGHT_ARCHITECTURE, and its last line of output is "
            "a JSON object of values, or has failed with a reason."
        ),
    ],
    space: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(SPACES.names())}, or one of your own.")
    ] = None,
    space_file: Annotated[
        Path | None, typer.Option(help="Declare this TOML or JSON file's space first, and search in it.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Any name; of a declared space its first task.")] = None,
    bound: Annotated[
        list[str] | None, typer.Option(help="A hard bound such as 'params_m<=0.5'; may be repeated.")
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="What to make good; the space's first metric unless said.")
    ] = None,
    track: Annotated[
        list[str] | None, typer.Option(help="Name of a value that is only kept; may be repeated.")
    ] = None,
    evaluations: Annotated[int, typer.Option(min=1, help="How many, those of earlier runs included.")] = 50,
    parallel: Annotated[int, typer.Option(min=1, max=256, help="Commands at the same time.")] = 1,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds of one command; 0: no limit.")] = 0.0,
    retries: Annotated[int, typer.Option(min=0, max=10, help="How often a failed command runs again.")] = 0,
    strategy: Annotated[str, typer.Option(help=f"One of {', '.join(STRATEGIES.names())}.")] = "bayes",
    seed: Annotated[int, typer.Option(help="Every random choice follows from it.")] = 0,
    name: Annotated[str, typer.Option(help="Tells searches of the same space and command apart.")] = "",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search with evaluations by a command of yours; the same call again goes on where it stopped.

    Nothing that had finished runs again, however the search ended. Exit status 4: nothing within the bounds.
    """
    declaration = None if space_file is None else read_declaration(space_file)
    space = space if declaration is None else str(declaration["name"])
    if space is None:
        raise typer.BadParameter("give --space, or --space-file")
    own = space not in SPACES.names()
    order: Json = {
        "constraints": [constraint(text, own=own) for text in bound or []],
        "objectives": [quantity(text, own=own) for text in objective or []],
        "tracked": track or [],
        "strategy": strategy,
        "seed": seed,
    }
    key = _key([declaration or space, task, order, run, name])
    with connected(url) as client:
        from netwright.client.command import Command
        from netwright.client.search import Drive
        from netwright.settings import Settings

        if declaration is not None:
            client.declare_space(declaration)
        study = client.create_study(
            space, task, client_id=f"search-{key}", idempotency_key=f"search-{key}", **order
        )
        folder = Settings().data_dir / "searches" / f"{key}-{study.id[-12:]}"
        command = Command(run, folder, timeout, retries)
        with progress_bar(f"study {study.id[:13]}") as show:

            def told(observation: Json, shown: Json) -> None:
                said = observation.get("failed") or ", ".join(
                    f"{key} {value:.4g}" for key, value in observation["values"].items()
                )
                done = int(shown["suggested"]) - int(shown["waiting"])
                show(done, evaluations, f"{observation['architecture']}: {said}")

            drive = Drive(study, command.evaluate, evaluations, parallel, told)
            try:
                shown = drive.run()
            except KeyboardInterrupt:
                message = "interrupted; the same call goes on, and nothing that had finished runs again"
                raise stop(message, ExitCode.INTERRUPTED) from None
        if drive.exhausted is not None:
            note(drive.exhausted)
        _show(shown, as_json=as_json)


def _show(study: Json, *, as_json: bool) -> None:
    """Prints the best, or what misses the bounds least.

    Raises:
        typer.Exit: 4 where nothing is within the bounds, 1 where everything failed.
    """
    if as_json:
        print_json(study)
    elif study["best"]:
        keys = list(dict.fromkeys(key for entry in study["best"] for key in entry["values"]))
        rows = [[e["architecture"], *(e["values"].get(key) for key in keys)] for e in study["best"]]
        print_table(["best", *keys], rows)
        failed = f", {study['failed']} failed" if study["failed"] else ""
        out().print(f"{study['observed']} observed{failed}; study {study['id']}", markup=False)
    if study["best"]:
        return
    if study.get("nearest") is not None:
        nearest = study["nearest"]
        gaps = ", ".join(f"{gap['constraint']} {gap['value']:.4g}" for gap in nearest["gaps"])
        raise stop(
            f"nothing is within the bounds; nearest: {nearest['architecture']} ({gaps})", ExitCode.INFEASIBLE
        )
    raise stop(f"all {study['failed']} evaluations failed; see: netwright studies export", ExitCode.FAILED)


def _key(parts: list[Any]) -> str:
    """What two calls of the same search have in common, and no others."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
