"""``netwright export``: an architecture to take away, as Python, ONNX, JSON, a drawing or trained weights."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, note, print_json
from spaces.space import SPACES

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
        str | None, typer.Option(help="Whose number of classes, and whose version of the network.")
    ] = None,
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
    if as_json and out is None:
        raise typer.BadParameter("--json says what was written; name the file with --out")
    if job is not None:
        with connected(url) as client:
            content = client.job(job).export(rank, format.value)
    else:
        assert architecture is not None and space is not None
        content = _made(space, architecture, task, format)
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


def _made(space: str, architecture: str, task: str | None, format: Format) -> bytes:
    """The file of an architecture's string, made by this process."""
    from networks.export import draw, program
    from networks.export.document import document
    from networks.plan import NoNetwork
    from spaces.space import InvalidArchitecture, get_space

    try:
        if task is not None and task not in get_space(space).tasks:
            known = ", ".join(get_space(space).tasks)
            raise stop(f"--task: {task!r} is no task of {space} (its tasks are {known})", ExitCode.INVALID)
        if format is Format.SVG:
            return draw(space, architecture, task=task).encode()
        if format is Format.JSON:
            made = document(space, architecture, task=task)
            return (json.dumps(made, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()
        text = program(space, architecture, task=task)
        if format is Format.TORCH:
            return text.encode()
        from networks.export.onnx_file import onnx_file

        return onnx_file(space, architecture, task=task)
    except KeyError as error:
        raise stop(f"--space: {error.args[0]}", ExitCode.INVALID) from None
    except InvalidArchitecture as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise stop(f"ARCHITECTURE: {error.message}{hint}", ExitCode.INVALID) from None
    except NoNetwork as error:
        raise stop(f"--format: {error} (json and svg are possible)", ExitCode.INVALID) from None
