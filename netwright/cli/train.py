"""``netwright train …``: the weights that ship, made again from what is public."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netwright.cli.exit_codes import ExitCode, errors_reported, stop
from netwright.cli.generate import checked_device
from netwright.cli.output import JsonOption, note, print_json, print_table
from netwright.cli.progress import progress_bar

if TYPE_CHECKING:
    from predictors.training.ship_predictors import Trained

from encoders.proxies.kinds import PROXIES

app = typer.Typer(no_args_is_help=True)


class GeneratorMethod(StrEnum):
    """How a generator works."""

    MASKED = "masked"
    SCORE_SDE = "score_sde"


OutOption = Annotated[
    Path | None, typer.Option(help="Folder to write to; the shipped weights' own unless said.")
]
SeedOption = Annotated[int, typer.Option(help="Every random choice follows from it.")]


@app.command()
def generator(
    spaces: Annotated[list[str] | None, typer.Argument(help="Which spaces'; all unless said.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    method: Annotated[
        GeneratorMethod, typer.Option(help="score_sde is there to be compared with.")
    ] = GeneratorMethod.MASKED,
    device: Annotated[str, typer.Option(help="Where torch trains: cpu or cuda.")] = "cpu",
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the diffusion generator of a space from its own architectures; no benchmark table is used."""
    import artifacts
    from spaces.known import SPACES

    checked_device(device)
    folder = out or artifacts.ROOT / "generator"
    named = spaces or (sorted(SPACES.built_in()) if method is GeneratorMethod.MASKED else ["nasbench201"])
    cards = []
    for name in _known(named):
        with progress_bar(f"generator {name}") as show:
            try:
                cards.append(_generator(name, folder, method, steps, seed, device, show))
            except ValueError as error:
                raise stop(str(error), ExitCode.INVALID) from None
    note(f"written to {folder}")
    if as_json:
        print_json({"generators": cards})
        return
    for card in cards:
        print_table(["figure", "value"], list(card.items()), title=f"generator {card['space']}")


def _generator(
    name: str,
    folder: Path,
    method: GeneratorMethod,
    steps: int | None,
    seed: int,
    device: str,
    show: Callable[[int, int, str], None],
) -> dict[str, object]:
    """Trains one generator and writes it; returns its card."""
    if method is GeneratorMethod.SCORE_SDE:
        from generator.score_sde.train import ScoreTraining
        from generator.score_sde.weights import ship_score_sde

        path = folder / "score_sde" / f"{name}.safetensors"
        score = ScoreTraining() if steps is None else ScoreTraining(steps=steps)
        return ship_score_sde(name, path, seed=seed, options=score, device=device, progress=show)
    from generator.masked.ship import ship_generator
    from generator.masked.train import TrainingOptions
    from spaces.known import get_space

    options = TrainingOptions.of(get_space(name))
    if steps is not None:
        options = replace(options, steps=steps)
    return ship_generator(name, folder, seed=seed, options=options, device=device, progress=show)


@app.command()
def encoder(
    spaces: Annotated[list[str] | None, typer.Argument(help="Which spaces'; all unless said.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the graph autoencoder (arch2vec) of a space from its own architectures; no labels are used."""
    import artifacts
    from encoders.arch2vec.train import TrainingOptions, ship_encoder
    from spaces.known import SPACES, get_space

    folder = out or artifacts.ROOT / "encoders"
    cards = []
    for name in _known(spaces or sorted(SPACES.built_in())):
        options = TrainingOptions.of(get_space(name))
        if steps is not None:
            options = replace(options, steps=steps)
        with progress_bar(f"encoder {name}") as show:
            cards.append(ship_encoder(name, folder, seed=seed, options=options, progress=show))
    note(f"written to {folder}")
    if as_json:
        print_json({"encoders": cards})
        return
    for card in cards:
        print_table(["figure", "value"], list(card.items()), title=f"encoder {card['space']}")


@app.command()
def pretrained(
    spaces: Annotated[
        list[str] | None, typer.Argument(help="Which spaces'; those that ship unless said.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps of each network.")] = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the networks that predictors start from, on statistics and scores; no labels are used."""
    import artifacts
    from encoders.pretrained.train import SPACES, PretrainingOptions, ship_pretrained

    folder = out or artifacts.ROOT / "pretrained"
    options = PretrainingOptions() if steps is None else PretrainingOptions(steps=steps)
    cards = []
    for name in _known(spaces or SPACES):
        with progress_bar(f"pretrained {name}") as show:
            cards.append(ship_pretrained(name, folder, seed=seed, options=options, progress=show))
    note(f"written to {folder}")
    if as_json:
        print_json({"pretrained": cards})
        return
    for card in cards:
        print_table(["figure", "value"], list(card.items()), title=f"pretrained {card['space']}")


@app.command()
def scores(
    spaces: Annotated[
        list[str] | None, typer.Argument(help="Which spaces'; nasbench201 unless said.")
    ] = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    resume: Annotated[
        Path | None, typer.Option(help="File (.npz) to carry on with; keeps what is done.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Those of the networks that are trained.")] = False,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help=f"Of {', '.join(PROXIES.names())}; may be repeated, and needs --out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score every network of a space at initialization; tables only serve the card's correlations."""
    import artifacts
    from benchmarks.tables import Tables
    from encoders.proxies.ship import ship_scores
    from encoders.proxies.table import DEEP, SMALL
    from networks import NoNetwork
    from netwright.settings import Settings

    settings = Settings()
    wanted = DEEP if deep else SMALL
    for name in proxy or ():
        if name not in PROXIES.names():
            known = ", ".join(PROXIES.names())
            raise stop(f"no zero-cost proxy {name!r}; known are {known}", ExitCode.INVALID)
    if proxy and out is None:
        raise typer.BadParameter("--proxy needs --out: what ships holds the proxies that predictors know")
    if proxy:
        wanted = replace(wanted, names=tuple(proxy))
    folder = out or artifacts.ROOT / "scores"
    tables = Tables(settings.cache_dir, settings.data)
    cards = []
    for name in _known(spaces or ["nasbench201"]):
        with progress_bar(f"scores {name}") as show:
            try:
                cards.append(
                    ship_scores(
                        name,
                        folder,
                        tables=tables,
                        seed=seed,
                        wanted=wanted,
                        resume=resume,
                        progress=show,
                    )
                )
            except (NoNetwork, ValueError) as error:
                raise stop(str(error), ExitCode.INVALID) from None
    note(f"written to {folder}")
    if as_json:
        print_json({"scores": cards})
        return
    for card in cards:
        print_table(["figure", "value"], list(card.items()), title=f"scores {card['space']}")


@app.command()
def predictor(
    space: Annotated[
        list[str] | None, typer.Option(help="Only those of this space; may be repeated.")
    ] = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the predictors of every table that is here; the card says how their files do on other rows."""
    import artifacts
    from benchmarks.tables import Tables
    from netwright.settings import Settings
    from predictors.training.ship_predictors import SPACES, train_shipped

    if unknown := sorted({*(space or ())} - {*SPACES}):
        raise typer.BadParameter(f"{unknown[0]!r} has no tables to train on; there are {', '.join(SPACES)}")
    settings = Settings()
    folder = out or artifacts.ROOT / "predictors"
    with errors_reported(), progress_bar("predictors") as show:
        tables = Tables(settings.cache_dir, settings.data)
        trained = train_shipped(tables, folder, seed=seed, spaces=space or SPACES, progress=show)
    note(f"written to {folder}")
    _show_predictors(_predictor_rows(trained), as_json)


def _predictor_rows(trained: "Mapping[str, Sequence[Trained]]") -> list[dict[str, object]]:
    return [
        {
            "space": space,
            "quantity": row.key,
            "labels": row.labels,
            "evaluated": row.evaluated,
            "kendall_tau": row.kendall_tau,
            "r2": row.r2,
            "coverage_percent": row.coverage_percent,
            "mean_absolute_error": row.mean_absolute_error,
            "digest": row.digest,
        }
        for space, models in trained.items()
        for row in models
    ]


def _show_predictors(rows: list[dict[str, object]], as_json: bool) -> None:
    if as_json:
        print_json({"predictors": rows})
        return
    shown = ["space", "quantity", "kendall_tau", "r2", "coverage_percent", "mean_absolute_error"]
    print_table(shown, [[row[name] for name in shown] for row in rows])


@app.command()
def cards(as_json: JsonOption = False) -> None:
    """Measure the shipped predictors and generators again, and write the figures of their cards."""
    import artifacts
    from benchmarks.tables import Tables
    from generator.masked.ship import refresh_card
    from generator.score_sde.weights import refresh_score_card
    from generator.shipped import spaces
    from netwright.settings import Settings
    from predictors.training.ship_predictors import refresh_cards

    settings = Settings()
    with errors_reported(), progress_bar("predictors") as show:
        measured = refresh_cards(
            Tables(settings.cache_dir, settings.data), artifacts.ROOT / "predictors", progress=show
        )
    generators = []
    with errors_reported(), progress_bar("generators") as show:
        names = spaces()
        for number, name in enumerate(names, start=1):
            generators.append(refresh_card(name, artifacts.ROOT / "generator"))
            show(number, len(names) + 1, name)
        generators.append(refresh_score_card("nasbench201"))
        show(len(names) + 1, len(names) + 1, "score_sde")
    rows = _predictor_rows(measured)
    if as_json:
        print_json({"predictors": rows, "generators": generators})
        return
    _show_predictors(rows, as_json)
    for card in generators:
        print_table(["figure", "value"], list(card.items()), title=f"generator {card['space']}")


@app.command(name="task-encoder")
def task_encoder(seed: SeedOption = 0, out: OutOption = None, as_json: JsonOption = False) -> None:
    """Train the models of new tasks, from measured pairs of tasks and architectures."""
    from dataclasses import asdict

    import artifacts
    from benchmarks.tables import Tables
    from netwright.settings import Settings
    from predictors.training.ship_tasks import train_graph_tasks, train_tasks

    settings = Settings()
    folder = out or artifacts.ROOT / "tasks"
    with errors_reported(), progress_bar("tasks") as show:
        graphs = train_graph_tasks(Tables(settings.cache_dir, settings.data), folder, seed=seed)
        trained = asdict(train_tasks(settings.data, folder, seed=seed, progress=show)) | {"graphs": graphs}
    note(f"written to {folder}")
    if as_json:
        print_json({"tasks": [trained]})
        return
    print_table(["figure", "value"], [[name, value] for name, value in trained.items()])


def _known(names: Sequence[str]) -> Sequence[str]:
    """The names, all of them spaces'."""
    from spaces.known import space_names

    for name in names:
        if name not in space_names():
            raise stop(f"no space {name!r}; known are {', '.join(space_names())}", ExitCode.INVALID)
    return names
