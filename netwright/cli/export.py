"""``netwright export``: an architecture to take away, as Python, ONNX, JSON, a drawing or trained weights."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, note, print_json
from netwright.client.errors import ApiError
from spaces.known import SPACES

if TYPE_CHECKING:
    from spaces.costs.network_config import NetworkConfig

app = typer.Typer()


class Format(StrEnum):
    """What is made."""

    TORCH = "torch"
    ONNX = "onnx"
    JSON = "json"
    SVG = "svg"
    WEIGHTS = "weights"


@app.command()
def export(
    architecture: Annotated[str | None, typer.Argument(help="A string of --space.")] = None,
    space: Annotated[str | None, typer.Option(help=f"One of {', '.join(SPACES.names())}.")] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Whose number of classes and version of the network; your own too."),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="Of the network; those of --task unless said.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of its images in pixels; that of --task unless said.")
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="The space's reduced skeleton.")] = False,
    job: Annotated[str | None, typer.Option(help="Id of a design instead, with --rank.")] = None,
    rank: Annotated[int, typer.Option(min=1, help="Of the architecture in the design's result.")] = 1,
    format: Annotated[
        Format,
        typer.Option(help="A Python file that needs torch alone, ONNX, JSON, a drawing, or trained weights."),
    ] = Format.TORCH,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output unless said.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export an architecture: of a space, by its string, or of a design's result, by its rank."""
    if (job is None) == (architecture is None) or (architecture is not None and space is None):
        raise typer.BadParameter("give an ARCHITECTURE and --space, or --job and --rank")
    if format is Format.WEIGHTS and job is None:
        raise typer.BadParameter("weights come from a training; give --job and --rank")
    if job is not None and (classes is not None or resolution is not None or small):
        raise typer.BadParameter("a design's networks have its classes and resolution")
    if as_json and out is None:
        raise typer.BadParameter("--json says what was written; name the file with --out")
    if job is not None:
        with connected(url) as client:
            content = client.job(job).export(rank, format.value)
    else:
        assert architecture is not None and space is not None
        network = _network(space, task, classes, resolution, small, url)
        content = _made(space, architecture, task, network, format)
    if out is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        raise stop(f"{out} cannot be written: {error.strerror}", ExitCode.INVALID) from None
    if as_json:
        print_json({"format": format.value, "path": str(out), "bytes": len(content)})
    else:
        note(f"{out}: {len(content):,} bytes")


def _network(
    space: str, task: str | None, classes: int | None, resolution: int | None, small: bool, url: str | None
) -> "NetworkConfig":
    """The network that the options name; of a task of one's own the server knows the number of classes."""
    from search.request.design_request import InvalidRequest
    from search.request.meant_network import asked_network
    from spaces.costs.network_config import FULL, SMALL
    from spaces.image_space import ImageSpace
    from spaces.known import get_space

    try:
        known = get_space(space)
        if task is not None and task not in known.tasks:
            own = _own_classes(task, url) if isinstance(known, ImageSpace) else None
            if own is None:
                tasks = ", ".join(known.tasks)
                raise stop(
                    f"--task: {task!r} is no task of {space} (its tasks are {tasks})", ExitCode.INVALID
                )
            classes = classes or own
        return asked_network(known, task, classes, resolution, SMALL if small else FULL)
    except KeyError as error:
        raise stop(f"--space: {error.args[0]}", ExitCode.INVALID) from None
    except InvalidRequest as error:
        first = error.errors[0]
        option = "small" if first.field == "skeleton" else first.field
        hint = f" ({first.hint})" if first.hint else ""
        raise stop(f"--{option}: {first.message}{hint}", ExitCode.INVALID) from None


def _own_classes(task: str, url: str | None) -> int | None:
    """How many classes a task of one's own has; None where there is no such task."""
    with connected(url) as client:
        try:
            found = client.task(task)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
    return None if found["embedding"] is None else int(found["classes"])


def _made(space: str, architecture: str, task: str | None, network: "NetworkConfig", format: Format) -> bytes:
    """The file of an architecture's string, made by this process."""
    from networks.export import draw, program
    from networks.export.document import document
    from networks.export.graph_program import GRAPHS
    from networks.plan import NoNetwork
    from spaces.space import InvalidArchitecture

    try:
        if format is Format.SVG:
            return draw(space, architecture, network, task=task).encode()
        if format is Format.JSON:
            made = document(space, architecture, network)
            return (json.dumps(made, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()
        if format is Format.TORCH:
            return program(space, architecture, network).encode()
        from networks.export.onnx_file import onnx_file

        return onnx_file(space, architecture, network)
    except InvalidArchitecture as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise stop(f"ARCHITECTURE: {error.message}{hint}", ExitCode.INVALID) from None
    except NoNetwork as error:
        others = "torch, json and svg" if space == GRAPHS else "json and svg"
        raise stop(f"--format: {error} ({others} are possible)", ExitCode.INVALID) from None
