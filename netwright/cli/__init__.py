"""The command line: ``netwright --help``. One file a group of commands; nothing heavy is imported here."""

import os
from typing import Annotated

import typer

from netwright.cli import (
    catalogue,
    compare,
    data,
    demo,
    design,
    doctor,
    evaluate,
    export,
    finish,
    generate,
    jobs,
    predict,
    search,
    serve,
    train,
)
from netwright.cli import datasets as datasets  # a group of its own
from netwright.cli import devices as devices  # adds its commands to `devices`
from netwright.cli import predictors as predictors  # a group of its own
from netwright.cli import spaces as spaces  # adds its commands to `spaces`
from netwright.cli import studies as studies  # a group of its own
from netwright.cli import tasks as tasks  # adds its commands to `tasks`
from netwright.cli import train_devices as train_devices  # adds its command to `train`


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"netwright {version('netwright')}")
        raise typer.Exit


app = typer.Typer(
    name="netwright",
    help="Designs neural-network architectures to order, under hardware limits.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Designs neural-network architectures to order, under hardware limits."""


for module in (serve, design, search, evaluate, finish, generate, predict, export, demo, compare, doctor):
    app.registered_commands += module.app.registered_commands
app.add_typer(jobs.app, name="jobs", help="Look after jobs.")
app.add_typer(catalogue.spaces, name="spaces", help="The families of architectures.")
app.add_typer(catalogue.devices, name="devices", help="The machines whose costs were measured, and your own.")
app.add_typer(predictors.app, name="predictors", help="Predictors of your own, from what you observed.")
app.add_typer(finish.networks, name="networks", help="Networks that you have trained, to take away.")
app.add_typer(studies.app, name="studies", help="Search that you drive: ask and tell.")
app.add_typer(catalogue.tasks, name="tasks", help="The data sets to design for, and your own.")
app.add_typer(datasets.app, name="datasets", help="Whole data sets of your own, to train on.")
app.add_typer(train.app, name="train", help="Train what ships.")
app.add_typer(data.app, name="data", help="Benchmark tables.")


def main() -> None:
    """Runs the command line."""
    # Read when torch is loaded, by this process and those it starts: threads that wait for one another sleep.
    # Where others want the cores too, spinning made the embedding of a task twice as slow, at twice the work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    app()
