"""``netwright devices probe|add|remove``: a machine of one's own, from a few measurements."""

import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.catalogue import devices as app
from netwright.cli.connect import UrlOption, connected
from netwright.cli.output import JsonOption, out, print_json, print_table
from spaces.metric import METRICS, value_fault

SpaceOption = Annotated[str, typer.Option(help="For example nasbench201.")]
MetricOption = Annotated[str, typer.Option(help="What is measured, in the metric's unit.")]


@app.command()
def probe(
    space: SpaceOption,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 10,
    metric: MetricOption = "latency_ms",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which architectures to measure on a new device; one a line, for a file to write the values behind."""
    with connected(url) as client:
        chosen = client.probe(space, count, metric=metric)
    if as_json:
        print_json({"space": space, "metric": metric, "architectures": chosen})
        return
    for architecture in chosen:
        out().print(architecture, markup=False)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What predictions and designs will call the device.")],
    space: SpaceOption,
    file: Annotated[
        Path, typer.Option(help="Lines of ARCHITECTURE,VALUE (or a tab between); - for standard input.")
    ],
    metric: MetricOption = "latency_ms",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a device known by what was measured on it."""
    measurements = read_measurements(read_text(file), metric)
    with connected(url) as client:
        added = client.add_device(name, space, measurements, metric=metric)
    if as_json:
        print_json(added)
        return
    judged = added["cross_validation"]
    print_table(
        ["device", "measurements", "rank correlation", "coverage of 90 % intervals"],
        [[added["device"], added["measurements"], judged["spearman"], judged["coverage"]]],
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


def read_measurements(text: str, metric: str | None = None) -> list[tuple[str, float]]:
    """Architectures and values of lines; the last comma or tab stands between them.

    Args:
        metric: what the values are of; None where only the server knows.

    >>> read_measurements("architecture,value\\nk3_e1 skip,2.5\\n", "latency_ms")
    [('k3_e1 skip', 2.5)]

    Raises:
        typer.BadParameter: naming the line that is none.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        architecture, _, value = line.replace("\t", ",").rpartition(",")
        if not line.strip() or (number == 1 and value.strip() == "value"):
            continue
        try:
            measured = float(value)
        except ValueError:
            measured = math.nan
        if not architecture or not math.isfinite(measured):
            raise typer.BadParameter(f"line {number} is not ARCHITECTURE,VALUE: {line[:80]!r}")
        # A metric that is not known the server refuses, with those that are.
        fault = value_fault(metric, measured) if metric in METRICS and metric is not None else None
        if fault is not None:
            raise typer.BadParameter(f"line {number}: the value {fault}")
        found.append((architecture.strip().strip('"'), measured))
    return found


def read_text(file: Path) -> str:
    """A file's text, or standard input's; an error of the command where it cannot be read."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None
