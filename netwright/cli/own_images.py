"""What a design for one's own images and device needs first, and how the same command finds its job again."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from netwright.cli.exit_codes import ExitCode, stop
from netwright.cli.measurements import read_measurements, read_text
from netwright.cli.output import note
from netwright.cli.progress import follow, progress_bar
from netwright.client.client import Client, JobHandle
from netwright.client.errors import ApiError
from spaces.names import NAME
from store.database.ids import short_id

SEARCH_EPOCHS, FINISH_EPOCHS = 3, 10
"""Of trainings that begin with pretrained weights, while architectures are compared and at the end."""
MB = 1 << 20
TRIES = 100
"""Orders of one command that may have failed before."""
_GONE = ("failed", "cancelled")


def add_images(client: Client, given: str) -> str:
    """Uploads a folder or file of images, unless it is there already; returns the data set's name.

    Args:
        client: to the server.
        given: ``PATH``, ``NAME=PATH``, or the name of a data set that is there.
    """
    name, path = _named(given, "images")
    if not path.exists():
        if name == given and any(each["dataset"] == name for each in client.datasets()):
            return name
        raise typer.BadParameter(
            f"{path} does not exist, and no data set has that name", param_hint="--images"
        )
    try:
        with progress_bar(f"upload {name}") as show:
            job = client.add_dataset(
                name, path, on_bytes=lambda done, whole: show(done // MB, whole // MB, "MB")
            )
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}", param_hint="--images") from None
    except ApiError as error:
        if error.status != 409:
            raise
        hint = f"remove it with: netwright datasets remove {name}, or choose a name: --images NAME={path}"
        raise stop(f"{error.detail}; {hint}", ExitCode.INVALID) from None
    ended = follow(job)
    if (found := client.dataset(name))["state"] != "ready":
        raise stop(f"{path} cannot be used: {ended['reason']}", ExitCode.FAILED)
    counts = {part: sum(each.values()) for part, each in found["images"].items()}
    told = ", ".join(f"{count:,} {part}" for part, count in counts.items())
    note(f"{name}: {len(found['classes'])} classes, {told} images")
    return name


def add_devices(client: Client, given: Sequence[str], space: str) -> list[str]:
    """Makes devices known by their files of measurements; returns their names.

    Args:
        client: to the server.
        given: each ``FILE`` or ``NAME=FILE``; without a name it is the file's, without its ending.
        space: whose architectures were measured.
    """
    names = []
    for each in given:
        name, path = _named(each, "device")
        measurements = read_measurements(read_text(path), "latency_ms")
        added = client.add_device(name, space, measurements)
        quality = added["cross_validation"]["spearman"]
        told = "" if quality is None else f", rank correlation {quality:.2f} in cross-validation"
        note(f"{name}: {added['measurements']} measurements{told}")
        names.append(name)
    return names


def with_usual_epochs(order: Mapping[str, Any]) -> dict[str, Any]:
    """A design with as many epochs as weights that are pretrained need, where it does not say how many."""
    made = dict(order)
    searched = "epochs" in (made.get("recipe") or {})
    if made["evaluations"] and made["evaluator"] == "training" and not searched:
        options = dict(made["evaluator_options"].get("training", {}))
        options["recipe"] = {"epochs": SEARCH_EPOCHS} | dict(options.get("recipe", {}))
        made["evaluator_options"] = {**made["evaluator_options"], "training": options}
    if made["finish"] and not searched:
        options = dict(made.get("finish_options", {}))
        made["finish_options"] = {"recipe": {"epochs": FINISH_EPOCHS}} | options
    return made


def ordered_once(client: Client, order: Mapping[str, Any]) -> JobHandle:
    """Orders a design, or finds the job of the same command that was given before.

    So a command that was killed goes on when it is given again, and one that has ended shows its result.
    A job that failed or was cancelled is ordered anew.
    """
    for key in _keys(order):
        try:
            handle = client.order(order, idempotency_key=key)
        except ApiError as error:
            if error.status == 409 and error.kind == "idempotency-conflict":
                continue  # of other images or measurements of the same names
            raise
        if handle.state not in _GONE:
            if handle.job["attempt"] or handle.state != "queued":
                known = f"job {short_id(handle.id)} of the same command is {handle.state}"
                note(f"{known}: it goes on from there")
            return handle
    return client.order(order)


def _keys(order: Mapping[str, Any]) -> Iterator[str]:
    content = hashlib.sha256(json.dumps(order, sort_keys=True).encode()).hexdigest()
    yield from (f"command-{content}-{number}" for number in range(TRIES))


def _named(given: str, kind: str) -> tuple[str, Path]:
    """Name and path of ``NAME=PATH`` or ``PATH``."""
    name, equals, rest = given.partition("=")
    if equals and NAME.fullmatch(name) and not Path(given).exists():
        return name, Path(rest).expanduser()
    path = Path(given).expanduser()
    text = path.name or path.resolve().name
    stem = text if path.is_dir() else re.sub(r"\.(tar\.\w+|\w+)$", "", text)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", stem).strip("-._")[:100]
    if not NAME.fullmatch(name):
        hint = f"--{kind} NAME={given}"
        raise typer.BadParameter(f"{given} has no name that can be used; give one: {hint}")
    return name, path
