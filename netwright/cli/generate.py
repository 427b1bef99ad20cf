"""``netwright generate``: architectures from this process alone, without a job or a server."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.exit_codes import ExitCode, errors_reported, stop
from netwright.cli.output import JsonOption, note, out, print_json, print_table
from netwright.cli.progress import progress_bar
from netwright.cli.quantities import constraint, quantity
from spaces.known import SPACES

app = typer.Typer()

DeviceOption = Annotated[str, typer.Option(help="Where the generator's network runs: cpu or cuda.")]


@app.command()
def generate(
    space: Annotated[str | None, typer.Argument(help=f"One of {', '.join(SPACES.names())}.")] = None,
    task: Annotated[str | None, typer.Option(help="The space's first one unless said.")] = None,
    bound: Annotated[
        list[str] | None, typer.Option(help="A hard bound such as 'params_m<=0.5'; may be repeated.")
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="What to make good; the accuracy on the task unless said.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the images that the networks are for, in pixels.")
    ] = None,
    count: Annotated[int, typer.Option(help="Architectures to return.")] = 8,
    confidence: Annotated[float, typer.Option(help="Of intervals and predicted bounds.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Every random choice follows from it.")] = 0,
    space_file: Annotated[
        Path | None, typer.Option(help="Generate in this TOML or JSON file's space, trained first.")
    ] = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Generate architectures within bounds, by models that ship; nothing is stored.

    Exit status 4: infeasible.
    """
    if (space is None) == (space_file is None):
        raise typer.BadParameter("give a space, or --space-file")
    chosen = checked_device(device)
    from generator.device import use_device
    from spaces.known import get_space, space_names

    use_device(chosen)
    if space_file is not None:
        space = _trained(space_file, seed, chosen)
    elif space not in space_names():
        raise stop(f"no space {space!r}; known are {', '.join(space_names())}", ExitCode.INVALID)
    assert space is not None
    order = {
        "space": space,
        "task": task or get_space(space).tasks[0],
        "constraints": [constraint(text) for text in bound or []],
        "objectives": [quantity(text) for text in objective or []],
        "resolution": resolution,
        "count": count,
        "confidence": confidence,
        "seed": seed,
    }
    _show(order, chosen, as_json)


def _show(order: dict[str, Any], device: str, as_json: bool) -> None:
    """Runs the order and prints what came of it."""
    from benchmarks.tables import Tables
    from netwright.cli.design import print_architectures
    from netwright.settings import Settings
    from search.design import run_design
    from search.request.design_request import InvalidRequest, parse_request

    settings = Settings()
    began = time.perf_counter()
    try:
        with errors_reported():
            outcome = run_design(parse_request(order), tables=Tables(settings.cache_dir, settings.data))
    except InvalidRequest as error:
        for each in error.errors:
            note(f"{each.field}: {each.message}" + (f" ({each.hint})" if each.hint else ""))
        raise stop("nothing was generated", ExitCode.INVALID) from None
    if as_json:
        print_json({"state": outcome.state, "device": device, "result": outcome.result})
    elif outcome.state == "succeeded":
        print_architectures(outcome.result)
        note(f"on {device}, {time.perf_counter() - began:.1f} s with loading")
    else:
        out().print(f"infeasible: {outcome.reason}", markup=False)
        nearest: Any = outcome.result["nearest"]
        out().print(f"nearest: {nearest['architecture']} ({nearest['source']})", markup=False)
        columns = ["constraint", "min", "max", "value", "gap"]
        gaps: Any = outcome.result["gaps"]
        print_table(columns, [[gap.get(name) for name in columns] for gap in gaps])
    if outcome.state == "infeasible":
        raise typer.Exit(ExitCode.INFEASIBLE)


def _trained(file: Path, seed: int, device: str) -> str:
    """Declares a file's space, trains its generator for this process; returns the space's name."""
    from generator.masked.own import read_own, train_own
    from netwright.cli.spaces import read_declaration
    from spaces.declared.space import declare

    space = declare(read_declaration(file))
    with progress_bar(f"generator {space.public_name}") as show:
        weights, _ = train_own(space, seed=seed, device=device, progress=show)
    read_own(weights, space)
    return space.name


def checked_device(name: str) -> str:
    """A device that torch has here.

    Raises:
        typer.Exit: for another, with what there is.
    """
    from generator.device import NoDevice, find_device

    try:
        return str(find_device(name))
    except NoDevice as error:
        raise stop(str(error), ExitCode.INVALID) from None
