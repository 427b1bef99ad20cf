"""``netwright devices probe|add|remove``: a machine of one's own, from a few measurements."""

from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.catalogue import devices as app
from netwright.cli.connect import UrlOption, connected
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.measurements import read_measurements, read_text
from netwright.cli.output import JsonOption, note, out, print_json, print_table
from netwright.cli.progress import progress_bar

SpaceOption = Annotated[str, typer.Option(help="For example nasbench201.")]
MetricOption = Annotated[str, typer.Option(help="What is measured, in the metric's unit.")]


@app.command()
def probe(
    space: SpaceOption,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 10,
    metric: MetricOption = "latency_ms",
    bundle: Annotated[
        Path | None,
        typer.Option(help="Folder for the networks (ONNX) and a script that times them on the device."),
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which architectures to measure on a new device; one a line, for a file to write the values behind."""
    with connected(url) as client:
        chosen = client.probe(space, count, metric=metric)
    if bundle is not None:
        _write_bundle(bundle, space, chosen)
    if as_json:
        print_json({"space": space, "metric": metric, "architectures": chosen})
        return
    for architecture in chosen:
        out().print(architecture, markup=False)


def _write_bundle(folder: Path, space: str, architectures: list[str]) -> None:
    """Writes the folder that is carried to the device."""
    from networks.latency.probe import write_bundle
    from networks.plan import NoNetwork

    try:
        with progress_bar("networks") as show:
            write_bundle(folder, space, architectures, progress=show)
    except NoNetwork as error:
        raise stop(str(error), ExitCode.INVALID) from None
    except OSError as error:
        raise stop(f"{folder} cannot be written: {error.strerror}", ExitCode.INVALID) from None
    note(f"written to {folder}: run measure.py on the device, then netwright devices add")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What predictions and designs will call the device.")],
    space: SpaceOption,
    file: Annotated[
        Path | None,
        typer.Option(help="Lines of ARCHITECTURE,VALUE (or tabs or semicolons); - for standard input."),
    ] = None,
    from_study: Annotated[
        str | None,
        typer.Option(help="Id of a study instead: what it observed of the device joins what the device has."),
    ] = None,
    metric: MetricOption = "latency_ms",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a device known by what was measured on it."""
    if (file is None) == (from_study is None):
        raise typer.BadParameter("give --file with measurements, or --from-study with a study's id")
    measurements = [] if file is None else read_measurements(read_text(file), metric)
    with connected(url) as client:
        added = client.add_device(name, space, measurements, metric=metric, study=from_study)
    if as_json:
        print_json(added)
        return
    quality = added["cross_validation"]
    print_table(
        ["device", "measurements", "rank correlation", "coverage of 90 % intervals"],
        [[added["device"], added["measurements"], quality["spearman"], quality["coverage"]]],
    )


@app.command()
def remove(
    name: Annotated[str, typer.Argument(help="The device's name.")],
    space: SpaceOption,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a device of your own."""
    with connected(url) as client:
        client.delete_device(space, name)
    if as_json:
        print_json({"removed": name, "space": space})
