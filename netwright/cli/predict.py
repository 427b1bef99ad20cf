"""``netwright predict``: quantities of architectures, without measuring."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from netwright.cli.connect import UrlOption, connected
from netwright.cli.output import JsonOption, interval, out, print_json, print_table
from netwright.cli.quantities import quantity
from predictors.kinds import KINDS
from spaces.costs.network_config import NetworkConfig
from spaces.known import SPACES

app = typer.Typer()


@app.command()
def predict(
    space: Annotated[str, typer.Option(help=f"One of {', '.join(SPACES.names())}.")],
    metric: Annotated[list[str], typer.Option(help="For example accuracy@cifar10; may be repeated.")],
    architectures: Annotated[
        list[str] | None, typer.Argument(help="Strings; none: one a line of --file.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Architectures, one a line; - for standard input.")
    ] = None,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(KINDS.names())}.")] = "auto",
    predictor: Annotated[
        str | None,
        typer.Option(
            help="Id of a predictor of your own, or `latest`; for every --metric that it can be of."
        ),
    ] = None,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.9,
    classes: Annotated[int | None, typer.Option(help="Of the networks that exact costs are of.")] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the images that exact costs are for, in pixels.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict quantities of architectures, with intervals."""
    wanted = [_with(quantity(text), predictor) for text in metric]
    given = [*(architectures or []), *_lines(file)]
    if not given:
        raise typer.BadParameter("give architectures, or --file")
    with connected(url) as client:
        answer = client.predict(
            space,
            given,
            wanted,
            kind=kind,
            confidence=confidence,
            classes=classes,
            resolution=resolution,
        )
    if as_json:
        print_json(answer)
        return
    keys = list(answer["models"])
    rows = zip(answer["architectures"], answer["predictions"], strict=True)
    print_table(
        ["architecture", *keys], [[name, *(interval(row[key]) for key in keys)] for name, row in rows]
    )
    for key, network in answer["costs_for"].items():
        if network["classes"] is not None:
            out().print(f"{key}: exact for {NetworkConfig.from_dict(network).described()}", markup=False)


def _with(wanted: dict[str, str], predictor: str | None) -> dict[str, str]:
    """A quantity that a predictor answers, unless it is one that needs neither task nor device."""
    return wanted if predictor is None or len(wanted) == 1 else {**wanted, "predictor": predictor}


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{file} cannot be read: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
