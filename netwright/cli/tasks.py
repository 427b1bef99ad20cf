"""``netwright tasks add|show|remove``: a data set of one's own, from a few images of each class."""

from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.catalogue import tasks as app
from netwright.cli.connect import UrlOption, connected
from netwright.cli.output import JsonOption, out, print_json, print_table
from netwright.client.uploads import packed

NameArgument = Annotated[str, typer.Argument(help="What designs and predictions call the task.")]


@app.command()
def add(
    name: NameArgument,
    images: Annotated[
        Path | None,
        typer.Argument(help="A zip or folder of class folders, or an npz with x and y."),
    ] = None,
    imagenet: Annotated[
        list[str] | None,
        typer.Option(help="WordNet id of an ImageNet class, instead of images; give two or more."),
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a task known by a few images of each class, or by the names of ImageNet classes."""
    if (images is None) == (not imagenet):
        raise typer.BadParameter("give IMAGES or --imagenet, one of them")
    content = None if images is None else _content(images)
    with connected(url) as client:
        added = client.add_task(name, content, imagenet_classes=imagenet or None)
    if as_json:
        print_json(added)
        return
    embedding = added["embedding"]
    print_table(
        ["task", "classes", "images", "looked at", "embedding"],
        [[added["task"], added["classes"], added["images"], embedding["images"], embedding["digest"]]],
    )


@app.command()
def show(name: NameArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """A task: its classes, the spaces that know it, and what was made of your own."""
    with connected(url) as client:
        task = client.task(name)
    if as_json:
        print_json(task)
        return
    out().print(f"{task['name']}: {task['description']}, {task['classes']} classes", markup=False)
    out().print(f"spaces: {', '.join(task['spaces']) or 'none'}", markup=False)
    if task["embedding"] is not None:
        embedding = task["embedding"]
        out().print(f"embedding: {embedding['digest']} ({embedding['version']})", markup=False)
        out().print(f"classes: {', '.join(task['class_names'])}", markup=False)


@app.command()
def remove(name: NameArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Remove a task of your own; what was ordered for it goes on."""
    with connected(url) as client:
        client.delete_task(name)
    if as_json:
        print_json({"removed": name})


def _content(path: Path) -> bytes:
    """What is sent of a path; an error of the command where it cannot be read."""
    try:
        return packed(path)
    except (OSError, ValueError) as error:
        raise typer.BadParameter(f"{path} cannot be used: {error}") from None
