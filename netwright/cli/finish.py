"""``netwright finish`` and ``netwright networks``: a trained network to take away."""

import io
import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer

from networks.export.bundle.network_file import WEIGHTS
from networks.training.recipe import AUGMENTATIONS, OPTIMIZERS
from networks.training.start import STARTS
from netwright.cli.connect import UrlOption, connected, connected_with_workers
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.output import JsonOption, note, print_json, print_table
from netwright.cli.output import out as standard
from netwright.cli.place import LabelOption, PriorityOption
from netwright.cli.progress import follow
from spaces.costs.network_config import SKELETONS

app = typer.Typer()
networks = typer.Typer(no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(help="The network's id, or as much of it as no other has.")]
OutOption = Annotated[
    Path | None, typer.Option(help="Folder to write the bundle to, or a file that ends in .zip.")
]


@app.command()
def finish(
    architecture: Annotated[str | None, typer.Argument(help="A string of --space.")] = None,
    space: Annotated[str | None, typer.Option(help="For example nasbench201.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="The images, by their name; of a design its own unless said.")
    ] = None,
    job: Annotated[str | None, typer.Option(help="Id of a design instead, with --rank.")] = None,
    rank: Annotated[int, typer.Option(min=1, help="Of the architecture in the design's result.")] = 1,
    start: Annotated[str | None, typer.Option("--from", help=f"One of {', '.join(STARTS)}.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the images.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images in a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Its highest value.")] = None,
    optimizer: Annotated[str | None, typer.Option(help=f"One of {', '.join(OPTIMIZERS)}.")] = None,
    augmentation: Annotated[str | None, typer.Option(help=f"One of {', '.join(AUGMENTATIONS)}.")] = None,
    resolution: Annotated[int | None, typer.Option(help="Side of the images in pixels.")] = None,
    network: Annotated[str | None, typer.Option(help=f"One of {', '.join(SKELETONS)}.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order and augmentation.")] = 0,
    priority: PriorityOption = 0,
    label: LabelOption = None,
    teacher: Annotated[
        bool, typer.Option("--teacher", help="Learn from the pretrained backbone too, trained first.")
    ] = False,
    out: OutOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train one architecture on all training images, and take it away as files that run elsewhere.

    What is not said is as the design had it. Without --url the embedded stack runs for the call.
    """
    if (job is None) == (architecture is None) or (architecture is not None and space is None):
        raise typer.BadParameter("give an ARCHITECTURE and --space, or --job and --rank")
    recipe = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "augmentation": augmentation,
    }
    with connected_with_workers(url) as client:
        handle = client.finish(
            space,
            architecture,
            job=job,
            rank=None if job is None else rank,
            dataset=dataset,
            start=start,
            recipe={name: value for name, value in recipe.items() if value is not None},
            resolution=resolution,
            network=network,
            seed=seed,
            priority=priority,
            label=label,
            teacher=teacher or None,
        )
        follow(handle)
        result = handle.result()
        written = None if out is None else write_bundle(handle.bundle(), out)
    if as_json:
        print_json({"job": handle.job, "result": result, "path": None if out is None else str(out)})
        return
    print_card(result["card"])
    if written is None:
        note(f"its files: netwright networks bundle {result['network']} --out DIRECTORY")
    else:
        note(f"{out}: {written}")


@networks.command("list")
def list_networks(url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Your networks, newest first."""
    with connected(url) as client:
        found = client.networks()
    if as_json:
        print_json({"networks": found})
        return
    columns = ["id", "space", "dataset", "state", "accuracy", "int8", "architecture"]
    print_table(
        columns,
        [
            [
                *(entry[name] for name in columns[:4]),
                _percent(entry, "onnx"),
                _percent(entry, "int8"),
                entry["architecture"],
            ]
            for entry in found
        ],
    )


@networks.command()
def show(network: IdArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """One network: how its training stands and, once it is trained, what its files measure."""
    with connected(url) as client:
        found = client.network(network)
    if as_json:
        print_json(found)
        return
    rows = [[name, found[name]] for name in ("id", "space", "architecture", "dataset", "state", "reason")]
    print_table(["", ""], [row for row in rows if row[1] is not None])
    if found["card"] is not None:
        print_card(found["card"])


@networks.command()
def bundle(
    network: IdArgument,
    out: Annotated[Path, typer.Option(help="Folder to write to, or a file that ends in .zip.")],
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a network's files."""
    with connected(url) as client:
        written = write_bundle(client.bundle(network), out)
    if as_json:
        print_json({"path": str(out), "written": written})
    else:
        note(f"{out}: {written}")


@networks.command()
def delete(network: IdArgument, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Remove a network with its weights and bundle; stops its training."""
    with connected(url) as client:
        client.delete_network(network)
    if as_json:
        print_json({"deleted": network})


def write_bundle(content: bytes, out: Path) -> str:
    """Writes a bundle to a zip or a folder; says what."""
    try:
        if out.suffix == ".zip":
            out.write_bytes(content)
            return f"{len(content):,} bytes"
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            out.mkdir(parents=True, exist_ok=True)
            for name in names:  # plain names, of this server's own making; anything else is refused
                if name != Path(name).name:
                    raise stop(f"the bundle holds {name!r}, which is no plain file", ExitCode.INVALID)
                (out / name).write_bytes(archive.read(name))
    except OSError as error:
        raise stop(f"{out} cannot be written: {error.strerror}", ExitCode.INVALID) from None
    return ", ".join(names)


def print_card(card: dict[str, Any]) -> None:
    """What the files measure, a line each; torch's are its weights."""
    accuracy, worker = card["accuracy"], card["latency"]["worker"]
    rows = []
    for name, file in (("torch", "network.py"), ("onnx", "network.onnx"), ("int8", "network.int8.onnx")):
        measured = None if accuracy is None else accuracy[name]
        timing = worker.get(name)
        rows.append(
            [
                file,
                None if measured is None else f"{measured['percent']:.2f}",
                None if measured is None else f"{measured['lower']:.1f} to {measured['upper']:.1f}",
                card["files"][WEIGHTS if name == "torch" else file]["bytes"],
                None if timing is None else f"{timing['value_ms']:.3f}",
            ]
        )
    print_table(["file", "accuracy (%)", "95 % interval", "bytes", "latency (ms)"], rows)
    data = card["data"]
    if accuracy is None:
        standard().print(f"{data['train_images']} training images; no test images")
        return
    apart = "the fifth that was set apart" if data["test_by"] == "digest" else "those of the data set"
    standard().print(
        f"{data['train_images']:,} training images, {accuracy['images']:,} test images ({apart}); "
        f"{card['training']['epochs']} epochs in {card['training']['seconds']:.1f} s; "
        f"latency with {worker['threads']} thread(s) on {worker['cpu']}",
        markup=False,
    )


def _percent(entry: dict[str, Any], name: str) -> str | None:
    accuracy = (entry["card"] or {}).get("accuracy")
    return None if accuracy is None else f"{accuracy[name]['percent']:.2f}"
