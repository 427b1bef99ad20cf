"""``netwright spaces|devices|tasks …``: what there is to ask for."""

from typing import Annotated

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.output import JsonOption, out, print_json, print_table

spaces = typer.Typer(no_args_is_help=True)
devices = typer.Typer(no_args_is_help=True)
tasks = typer.Typer(no_args_is_help=True)


@spaces.command("list")
def list_spaces(url: UrlOption = None, as_json: JsonOption = False) -> None:
    """All spaces."""
    with connected(url) as client:
        found = client.spaces()
    if as_json:
        print_json({"spaces": found})
        return
    print_table(["name", "architectures", "title"], [[s["name"], s["size"], s["title"]] for s in found])


@spaces.command("show")
def show_space(name: str, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """A space's variables, metrics, tasks and devices, and an example."""
    with connected(url) as client:
        space = client.space(name)
    if as_json:
        print_json(space)
        return
    out().print(f"{space['name']}: {space['title']}, {space['size']:,} architectures", markup=False)
    out().print(space["description"], markup=False)
    print_table(["variable", "choices"], [[v["name"], v["choices"]] for v in space["variables"]])
    print_table(
        ["metric", "unit", "direction"], [[m["name"], m["unit"], m["direction"]] for m in space["metrics"]]
    )
    for what in ("tasks", "devices"):
        out().print(f"{what}: {', '.join(space[what])}", markup=False)
    out().print(f"example: {space['example']}", markup=False)


@devices.command("list")
def list_devices(
    space: Annotated[str | None, typer.Option(help="Only this space's.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """The devices of the tables, and whether their table is here."""
    with connected(url) as client:
        found = client.devices(space)
    if as_json:
        print_json({"devices": found})
        return
    print_table(
        ["space", "name", "metrics", "here", "source"],
        [
            [d["space"], d["name"], d["metrics"], d["available"] or f"no: {d['reason']}", d["source"]]
            for d in found
        ],
    )


@tasks.command("list")
def list_tasks(url: UrlOption = None, as_json: JsonOption = False) -> None:
    """The built-in tasks, and your own."""
    with connected(url) as client:
        found = client.tasks()
    if as_json:
        print_json({"tasks": found})
        return
    print_table(
        ["name", "classes", "spaces", "description"],
        [[t["name"], t["classes"], t["spaces"], t["description"]] for t in found],
    )
