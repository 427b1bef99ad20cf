"""``netwright demo``: two designs on real tables through the real HTTP API, evaluated on the whole table."""

import json
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netwright.cli.exit_codes import ExitCode, errors_reported, stack_stopped, stop
from netwright.cli.output import JsonOption, interval, note, out, print_json, print_table
from netwright.cli.progress import follow

if TYPE_CHECKING:
    from benchmarks.tables import Tables
    from netwright.client.client import JobHandle
    from netwright.truth import Truth

app = typer.Typer()

RANDOM_SEEDS = 100
WORKERS = 2


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the pictures.")] = Path("demo-output"),
    seed: Annotated[int, typer.Option(help="Every random choice follows from it.")] = 0,
    url: Annotated[str | None, typer.Option(help="Use this server instead of a fresh one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Order two designs from a fresh server, watch them, and compare them with the truth and with luck."""
    from benchmarks.tables import Tables
    from experiments.service.quickstart import PROBLEMS
    from netwright.client.client import Client
    from netwright.settings import Settings

    began = time.monotonic()
    settings = Settings()
    tables = Tables(settings.cache_dir, settings.data)
    orders = [{**body, "seed": seed} for body in PROBLEMS.values()]
    with (
        tempfile.TemporaryDirectory(prefix="netwright-demo-") as fresh,
        errors_reported(),
        _server(url, Path(fresh)) as address,
        Client(address) as client,
    ):
        note(f"server: {address}, ready after {time.monotonic() - began:.1f} s")
        handles = [client.order(order) for order in orders]
        reports = [
            _one(number, handle, order, tables, folder, show=not as_json)
            for number, (handle, order) in enumerate(zip(handles, orders, strict=True), start=1)
        ]
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json({"designs": reports, "seconds": seconds})
    else:
        out().print(f"\n{seconds:.1f} s in all; the pictures are in {folder.absolute()}", markup=False)


def _server(url: str | None, folder: Path) -> Any:
    """A context whose value is the address of ``url``, or of an embedded stack with nothing in it yet."""
    if url is not None:
        return nullcontext(url)
    from netwright.logs import set_up_logs
    from netwright.roles import stack
    from netwright.settings import Settings
    from workers.surroundings import StackError

    set_up_logs("WARNING")
    settings = Settings(
        data_dir=folder, database_url=None, broker_url=None, host="127.0.0.1", port=0, workers=2
    )
    note("starting broker, relay, two workers and the API")
    running = stack(settings, log_dir=folder / "logs")
    try:
        running.start()
    except StackError as error:
        raise stack_stopped(error) from None
    return _Stopping(running)


class _Stopping:
    """A started stack that is stopped at the end of the block."""

    def __init__(self, running: Any) -> None:
        self.running = running

    def __enter__(self) -> str:
        return str(self.running.url)

    def __exit__(self, *_: object) -> None:
        self.running.stop()


def _one(
    number: int, handle: "JobHandle", order: dict[str, Any], tables: "Tables", folder: Path, *, show: bool
) -> dict[str, Any]:
    """Follows one design and evaluates it."""
    from netwright.picture import draw_pareto
    from netwright.truth import Truth
    from search.request.design_request import parse_request

    problem = parse_request(order).problem()
    truth = Truth.of(problem, tables)
    if show:
        out().print(f"\n[bold]{number}. {problem.space.title}, {problem.task}[/bold]")
        out().print(f"POST /v1/designs {json.dumps(order)}", markup=False)
    predicted: dict[str, dict[str, Any]] = {}
    evaluated: list[str] = []

    def remember(event: Any) -> None:
        if event.kind == "observed":
            evaluated.append(event.data["architecture"])
            predicted[event.data["architecture"]] = event.data.get("predicted") or {}

    job = follow(handle, remember)
    if job["state"] != "succeeded":
        raise stop(f"design {handle.id} ended {job['state']}: {job['reason']}", ExitCode.FAILED)
    result = handle.result()
    rows = _evaluated(result["architectures"], predicted, truth)
    budget = int(order["evaluations"])
    draws = [truth.random_search(budget, seed) for seed in range(RANDOM_SEEDS)]
    file = folder / f"{number}-{problem.space.name}-{problem.task}.png"
    draw_pareto(truth, evaluated, [row["architecture"] for row in rows], draws[0], file)
    distances = [truth.distance(draw) for draw in draws]
    found = [distance for distance in distances if not math.isnan(distance)]
    report = {
        "job": handle.job,
        "architectures": rows,
        "bounds_hold": all(row["holds"] for row in rows),
        "best_feasible": truth.best,
        "feasible": int(truth.holds.sum()),
        "measured": len(truth.codes),
        "distance": truth.distance(problem.space.parse_many(row["architecture"] for row in rows)),
        "random_distance_mean": statistics.fmean(found),
        "random_distance_std": statistics.stdev(found),
        "random_seeds": len(found),
        "seconds": result["seconds"],
        "picture": str(file),
    }
    if show:
        _print(report, order, truth)
    return report


def _evaluated(
    rows: Sequence[dict[str, Any]], predicted: dict[str, dict[str, Any]], truth: "Truth"
) -> list[dict[str, Any]]:
    """Each returned architecture with what was predicted of it and what is true."""
    values, holds = truth.of_strings([row["architecture"] for row in rows])
    return [
        {
            "rank": row["rank"],
            "architecture": row["architecture"],
            "predicted": {
                key: predicted.get(row["architecture"], {}).get(key) or _said(row["metrics"].get(key))
                for key in values
            },
            "true": {key: float(column[index]) for key, column in values.items()},
            "holds": bool(holds[index]),
        }
        for index, row in enumerate(rows)
    ]


def _said(metric: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the result itself predicted; nothing where it was measured before there was a model."""
    return None if metric is None or metric["source"] == "measured" else metric


def _predicted_text(predicted: dict[str, Any]) -> str:
    """A prediction; the first ones have too few labels behind them for an interval."""
    return interval(predicted) + ("" if predicted.get("lower") is not None else ", no interval yet")


def _print(report: dict[str, Any], order: dict[str, Any], truth: "Truth") -> None:
    keys = list(report["architectures"][0]["true"])
    exact = [quantity.key for quantity in truth.problem.quantities if truth.problem.is_exact(quantity)]
    columns: list[str] = ["rank", "architecture"]
    for key in keys:
        columns += [key] if key in exact else [f"{key} predicted", "measured"]
    rows = []
    for row in report["architectures"]:
        cells: list[object] = [row["rank"], row["architecture"]]
        for key in keys:
            if key not in exact:
                predicted = row["predicted"][key]
                cells.append("drawn at random" if predicted is None else _predicted_text(predicted))
            cells.append(f"{row['true'][key]:.4g}")
        rows.append([*cells, row["holds"]])
    print_table([*columns, "bounds hold"], rows)
    console = out()
    unit = "points" if truth.problem.objectives[0].metric == "accuracy" else ""
    console.print(
        f"best of the table within the bounds: {report['best_feasible']:.3f} "
        f"({report['feasible']:,} of {report['measured']:,} architectures are within them)\n"
        f"distance of the best returned:       {report['distance']:.3f} {unit}\n"
        f"random search, {order['evaluations']} evaluations:     "
        f"{report['random_distance_mean']:.3f} ± {report['random_distance_std']:.3f} {unit} "
        f"(mean and spread of {report['random_seeds']} seeds)\n"
        f"picture: {report['picture']}",
        markup=False,
    )
