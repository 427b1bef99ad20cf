"""``netwright spaces check|add|remove``: spaces of one's own, from TOML or JSON files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.catalogue import spaces as app
from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, error_line, out, print_json

FileArgument = Annotated[Path, typer.Argument(help="A declaration, see docs/spaces.md.")]


@app.command("check")
def check(file: FileArgument, as_json: JsonOption = False) -> None:
    """Whether a file declares a space; needs no server."""
    from spaces.declared.space import declare

    space = declare(read_declaration(file))
    found = {
        "name": space.public_name,
        "size": space.size,
        "counted": space.counted,
        "costs": [cost.name for cost in space.declaration.costs],
        "observations": {key: len(codes) for key, (codes, _) in space.labels.items()},
        "example": space.example,
    }
    if as_json:
        print_json(found)
        return
    about = "" if space.counted else ", estimated"
    out().print(f"{space.public_name}: {space.size:,} architectures{about}", markup=False)
    out().print(f"costs: {', '.join(found['costs']) or 'none'}", markup=False)
    out().print(f"example: {space.example}", markup=False)


@app.command("add")
def add(file: FileArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Declare a space of your own; where workers run, one trains its generator."""
    declaration = read_declaration(file)
    with connected(url) as client:
        made = client.declare_space(declaration)
    if as_json:
        print_json(made)
        return
    out().print(f"{made['name']}: {made['size']:,} architectures", markup=False)
    if made["generator"] is not None:
        out().print(f"its generator: job {made['generator']['id']}", markup=False)


@app.command("remove")
def remove(name: str, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Remove a space of your own with its generator."""
    with connected(url) as client:
        client.delete_space(name)
    if as_json:
        print_json({"removed": name})


def read_declaration(file: Path) -> dict[str, Any]:
    """The declaration that a file holds, checked.

    Raises:
        typer.Exit: 2 with a line for each problem, its place in the file first.
    """
    from spaces.declared.source import DeclarationError
    from spaces.declared.space import declare

    try:
        return declare(file.read_text(encoding="utf-8")).declaration.to_dict()
    except DeclarationError as error:
        for problem in error.problems:
            line = "" if problem.line is None else f":{problem.line}"
            hint = f" ({problem.hint})" if problem.hint else ""
            where = f"{problem.field}: " if problem.field else ""
            error_line(f"{file}{line}: {where}{problem.message}{hint}")
        raise stop(f"{file} declares no space", ExitCode.INVALID) from None
    except (OSError, ValueError) as error:
        raise stop(f"{file} cannot be read: {error}", ExitCode.INVALID) from None
