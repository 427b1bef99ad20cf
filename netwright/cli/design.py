"""``netwright design``: an order, its progress and its result."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from netwright.cli.baselines import compared_networks, print_baselines
from netwright.cli.batches import show_batch
from netwright.cli.connect import UrlOption, connected_with_workers
from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.finish import print_card, write_bundle
from netwright.cli.output import JsonOption, interval, note, print_json, print_table
from netwright.cli.output import out as standard
from netwright.cli.own_images import (
    FINISH_EPOCHS,
    add_devices,
    add_images,
    ordered_once,
    with_usual_epochs,
)
from netwright.cli.place import LabelOption, PriorityOption
from netwright.cli.progress import follow
from netwright.cli.quantities import constraint, evaluator_options, quantity, recipe
from netwright.cli.spaces import read_declaration
from netwright.client.client import Client, JobHandle
from search.evaluators import EVALUATORS
from search.request.design_request import IMAGES_SPACE
from search.strategies import STRATEGIES
from spaces.costs.network_config import NetworkConfig
from spaces.known import SPACES

app = typer.Typer()


@app.command()
def design(
    space: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(SPACES.names())}, or one you declared.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="For example cifar10-int8-ptq.")] = None,
    images: Annotated[
        str | None,
        typer.Option(
            help="Your own images instead of --task: a folder of class folders, a zip, tar or npz, which is "
            "uploaded as a data set; NAME=PATH to name it."
        ),
    ] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="Your own device by a file of measurements (devices probe --bundle); --bound names it as "
            "the file is named, or NAME=FILE; may be repeated."
        ),
    ] = None,
    bound: Annotated[
        list[str] | None, typer.Option(help="A hard bound such as 'params_m<=0.5'; may be repeated.")
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="What to make good; the accuracy on the task unless said.")
    ] = None,
    count: Annotated[int, typer.Option(help="Architectures to return.")] = 8,
    evaluations: Annotated[int, typer.Option(help="Architectures that may be evaluated.")] = 0,
    evaluator: Annotated[
        str | None,
        typer.Option(
            help=f"One of {', '.join(EVALUATORS.names())}; table unless said, training with --images."
        ),
    ] = None,
    evaluator_option: Annotated[
        list[str] | None,
        typer.Option(help="Such as 'training.recipe.epochs=6' or 'latency.threads=2'; may be repeated."),
    ] = None,
    parallel: Annotated[int, typer.Option(help="Evaluations at the same time, on as many workers.")] = 1,
    name: Annotated[str | None, typer.Option(help="What you call it, for lists of jobs.")] = None,
    confidence: Annotated[float, typer.Option(help="Of intervals and predicted bounds.")] = 0.9,
    seed: Annotated[int, typer.Option(help="Every random choice follows from it.")] = 0,
    strategy: Annotated[str, typer.Option(help=f"One of {', '.join(STRATEGIES.names())}.")] = "bayes",
    flat: Annotated[bool, typer.Option("--flat", help="Prefer optima whose neighbours are good.")] = False,
    recipe_part: Annotated[
        list[str] | None,
        typer.Option("--recipe", help="Search the training's recipe too: 'epochs=6,12'; may be repeated."),
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(help="Side of the images that the networks are for, in pixels.")
    ] = None,
    knowledge: Annotated[
        str,
        typer.Option(help="auto: what is known of tasks and devices is used; none: own observations alone."),
    ] = "auto",
    priority: PriorityOption = 0,
    label: LabelOption = None,
    distinct: Annotated[
        str,
        typer.Option(help="function: no two that compute the same at equal cost; string: any two strings."),
    ] = "function",
    finish: Annotated[
        int, typer.Option(min=0, help="How many of the best to train on all images, to take away.")
    ] = 0,
    baseline: Annotated[
        bool,
        typer.Option(
            "--baseline/--no-baseline",
            help="Train a linear probe and the plain backbone beside, where the space has one.",
        ),
    ] = True,
    finish_epochs: Annotated[
        int | None,
        typer.Option(min=1, help=f"Of --finish; as the search's unless said, {FINISH_EPOCHS} with --images."),
    ] = None,
    teacher: Annotated[
        bool,
        typer.Option("--teacher", help="What --finish trains learns from the pretrained backbone too."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the files of what --finish trains; of several one each.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="The whole order as a JSON file instead.")] = None,
    batch: Annotated[
        Path | None,
        typer.Option(help="Many orders as one JSON file: designs, or a template and a grid."),
    ] = None,
    space_file: Annotated[
        Path | None, typer.Option(help="Declare this TOML or JSON file's space first, and design in it.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Order architectures and wait for them.

    Without --url the embedded stack runs for the call. Exit status 4: infeasible; of a batch, every design.
    A batch of which a design failed ends with 1. With --images the same command goes on where one was killed.
    """
    declaration = None if space_file is None else read_declaration(space_file)
    if declaration is not None:
        space, task = declaration["name"], task or declaration["tasks"][0]
    if batch is not None:
        if file is not None or space_file is not None or space is not None or images is not None:
            raise typer.BadParameter("--batch holds the whole order: give it alone")
        with connected_with_workers(url) as client:
            handle = client.order_batch(_read(batch))
            follow(handle)
            show_batch(handle, as_json=as_json)
        return
    if images is not None and (task is not None or file is not None or space_file is not None):
        raise typer.BadParameter("--images is the task: leave --task, --file and --space-file out")
    if device and file is not None:
        raise typer.BadParameter("--file is the whole order: add devices before (netwright devices add)")
    if file is not None:
        order = _read(file) | ({} if declaration is None else {"space": space})
    elif task is None and images is None:
        raise typer.BadParameter("give --space and --task, --images, --space-file, or --file")
    else:
        usual = "table" if images is None else "training"
        order = {
            **({} if space is None else {"space": space}),
            "task": task,
            "constraints": [constraint(text) for text in bound or []],
            "objectives": [quantity(text) for text in objective or []],
            "count": count,
            "evaluations": evaluations,
            "evaluator": evaluator or (usual if evaluations else None),
            "confidence": confidence,
            "seed": seed,
            "strategy": strategy,
            "flat": flat,
            "recipe": recipe(recipe_part),
            "resolution": resolution,
            "evaluator_options": evaluator_options(evaluator_option),
            "parallel": parallel,
            "name": name,
            "knowledge": knowledge,
            "distinct": distinct,
            "finish": finish,
            "priority": priority,
            "label": label,
        }
        if not baseline:
            order["baseline"] = False
        if finish_epochs is not None:
            order["finish_options"] = {"recipe": {"epochs": finish_epochs}}
        if teacher:
            order["finish_options"] = {**order.get("finish_options", {}), "teacher": True}
        if images is not None:
            order = with_usual_epochs(order)
    with connected_with_workers(url) as client:
        if declaration is not None:
            client.declare_space(declaration)
        if images is not None:
            order = order | {"task": add_images(client, images)}
        add_devices(client, device or [], space or IMAGES_SPACE)
        handle = client.order(order) if images is None else ordered_once(client, order)
        job = follow(handle)
        networks = finished(client, handle, job, out)
        plain = finished_baseline(client, handle, job)
        show_outcome(handle, job, as_json=as_json, networks=networks, plain=plain)


def finished(
    client: Client, handle: JobHandle, job: dict[str, Any], out: Path | None
) -> list[dict[str, Any]]:
    """Waits for the networks that a design ordered; writes their files where a folder is given."""
    if job["kind"] != "design" or job["state"] != "succeeded":
        return []
    found = [row["finished"] for row in handle.result()["architectures"] if row.get("finished")]
    results = []
    for index, each in enumerate(found, start=1):
        training = client.job(each["job"])
        follow(training)
        results.append(training.result())
        if out is not None:
            folder = out if len(found) == 1 else out / str(index)
            note(f"{folder}: {write_bundle(training.bundle(), folder)}")
    return results


def finished_baseline(client: Client, handle: JobHandle, job: dict[str, Any]) -> dict[str, Any] | None:
    """Waits for the plain backbone's own training; its result, None where none was ordered or it failed."""
    compared = handle.outcome().get("baselines") if job["state"] == "succeeded" else None
    if job["kind"] != "design" or not compared or not compared.get("finished"):
        return None
    if any(row.get("finished") == compared["finished"] for row in handle.outcome()["architectures"]):
        return None  # what was found is the plain backbone
    training = client.job(compared["finished"]["job"])
    return training.outcome() if follow(training)["state"] == "succeeded" else None


def show_outcome(
    handle: JobHandle,
    job: dict[str, Any],
    *,
    as_json: bool,
    networks: Sequence[dict[str, Any]] = (),
    plain: dict[str, Any] | None = None,
) -> None:
    """Prints what came of an ended job, and of the networks that it ordered.

    Raises:
        typer.Exit: 4 for an infeasible one; JobEnded for one that failed or was cancelled.
    """
    if job["kind"] == "batch":
        show_batch(handle, as_json=as_json)
        return
    result = handle.result()
    if as_json:
        told: dict[str, Any] = {"networks": list(networks)} if networks else {}
        if plain is not None:
            told["baseline"] = {**plain, "compared": compared_networks(networks, plain)}
        print_json({"job": job, "result": result, **told})
    elif job["state"] == "infeasible":
        _print_nearest(job, result)
    else:
        print_architectures(result)
        for network in networks:
            print_card(network["card"])
        print_baselines(result, networks, plain)
    if job["state"] == "infeasible":
        raise typer.Exit(ExitCode.INFEASIBLE)


def print_architectures(result: dict[str, Any]) -> None:
    """The architectures of a result, a line each."""
    rows = result["architectures"]
    keys = list(dict.fromkeys(key for row in rows for key in row["metrics"]))
    parts = list(dict.fromkeys(name for row in rows for name in row.get("recipe") or {}))
    print_table(
        ["rank", "architecture", *parts, "P(feasible)", *keys],
        [
            [
                row["rank"],
                row.get("network") or row["architecture"],
                *((row.get("recipe") or {}).get(name) for name in parts),
                f"{row['feasible_probability']:.2f}",
                *(
                    interval(row["metrics"][key]) + _mark(row["metrics"][key])
                    if key in row["metrics"]
                    else None
                    for key in keys
                ),
            ]
            for row in rows
        ],
    )
    standard().print(f"{result['evaluated']} evaluated, {result['seconds']:.1f} s{_network(result)}")


def _network(result: dict[str, Any]) -> str:
    """Which network the exact costs are of, where it has a number of classes."""
    counted = result.get("costs_for")
    if counted is None or counted["classes"] is None:
        return ""
    return f"; exact costs for {NetworkConfig.from_dict(counted).described()}"


def _mark(value: dict[str, Any]) -> str:
    """What must be known of a value besides its number."""
    if value.get("extrapolated"):
        return " (extrapolated)"
    return " (measured)" if value["source"] == "measured" else ""


def _print_nearest(job: dict[str, Any], result: dict[str, Any]) -> None:
    nearest = result["nearest"]
    standard().print(f"infeasible: {job['reason']}{_network(result)}", markup=False)
    standard().print(f"nearest: {nearest['architecture']} ({nearest['source']})", markup=False)
    columns = ["constraint", "min", "max", "value", "gap"]
    print_table(columns, [[gap.get(name) for name in columns] for gap in result["gaps"]])


def _read(file: Path) -> dict[str, Any]:
    try:
        order = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise stop(f"{file} cannot be read: {error}", ExitCode.INVALID) from None
    if not isinstance(order, dict):
        raise stop(f"{file} holds no JSON object", ExitCode.INVALID)
    return order
