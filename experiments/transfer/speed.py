"""From an upload to the first architectures, through a running stack: rows of ``netwright compare transfer``.

Figure 4 is how long that takes; figure 7 whether tasks far from all that was learned from are answered
honestly.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row
from experiments.transfer.uploads import Draw, grey_strokes, noise, patches, zipped
from workers.stack import Stack, StackOptions

SPACE = "nasbench201"
CLASSES, IMAGES = 10, 20
COUNT = 8
COLD, WARM = 5, 20
"""Repetitions on each stack; the first cold one finds processes that have loaded nothing."""
STACKS = 3
TIMEOUT_SECONDS = 120.0
POLL = 0.01
FAR: dict[str, tuple[int, int, Draw]] = {
    "two-classes": (2, 20, patches),
    "300-classes": (300, 1, patches),
    "grey-28": (10, 20, grey_strokes),
    "noise": (10, 20, noise),
}
"""End of a row's id → classes, images of each, how they are drawn."""

PROTOCOL = f"""
4: a stack (API, relay, one worker, SQLite, Valkey) that was started for this; from the first byte of
POST /v1/tasks with {CLASSES} classes of {IMAGES} images of 32×32 to the result of a design of {COUNT}
{SPACE} cells for it, without evaluations. Cold: the images were never seen, {COLD} times a stack, the first
time by processes that have loaded nothing. Warm: images that were embedded before, under another name, {WARM}
times. One stack a seed, at most {STACKS}; the 95th percentile over all. 7: uploads of 2 classes, of 300
classes, of grey strokes (28×28) and of noise, each answered by {COUNT} distinct cells in falling order of the
prediction, all of them `extrapolated` and none with an interval (1, else 0)."""


def speed(context: Context) -> list[Row]:
    """Figure 4, and what the same stack answers to tasks far from all that was learned from."""
    runs = [context.once(f"speed seed {seed}", measure, seed) for seed in context.seeds[:STACKS]]
    cold = [seconds for run in runs for seconds in run["cold"]]
    warm = [seconds for run in runs for seconds in run["warm"]]
    return [
        Row.quantile("4-cold-p95", cold, 0.95, "s", over="uploads", goal="<= 12"),
        Row.quantile("4-warm-p95", warm, 0.95, "s", over="uploads", goal="<= 2"),
        Row.measured("4-cold-first", [run["cold"][0] for run in runs], "s"),
        Row.quantile("4-cold-median", cold, 0.5, "s", over="uploads"),
        Row.quantile("4-warm-median", warm, 0.5, "s", over="uploads"),
        *far_away(context),
    ]


def far_away(context: Context) -> list[Row]:
    """Figure 7."""
    seed = context.seeds[0]
    answered = context.once(f"far seed {seed}", answers, seed)
    return [
        Row.counted(
            f"7-served-{name}", int(answered[name]), 1, "answered", over="tasks",
            goal="== 1", evaluated_on=NO_TABLE,
        )
        for name in FAR
    ]  # fmt: skip


def measure(seed: int) -> dict[str, list[float]]:
    """Seconds of every repetition on a stack of its own."""
    with running() as client:
        cold = [
            _seconds(client, f"cold-{number}", zipped(CLASSES, IMAGES, patches, 100 * seed + number))
            for number in range(COLD)
        ]
        known = zipped(CLASSES, IMAGES, patches, 100 * seed)
        warm = [_seconds(client, f"warm-{number}", known) for number in range(WARM)]
    return {"cold": cold, "warm": warm}


def answers(seed: int) -> dict[str, float]:
    """Row → 1 where the far task is answered as it should be."""
    with running() as client:
        return {
            name: float(_is_honest(design(client, name, zipped(classes, images, draw, seed)), name))
            for name, (classes, images, draw) in FAR.items()
        }


@contextmanager
def running() -> Iterator[httpx.Client]:
    """A client of a stack in an empty folder, which is gone behind the block."""
    with tempfile.TemporaryDirectory(prefix="netwright-transfer-") as folder:
        options = StackOptions(data_dir=Path(folder), workers=1, log_dir=Path(folder) / "logs")
        with Stack(options) as stack, httpx.Client(base_url=stack.url, timeout=TIMEOUT_SECONDS) as client:
            yield client


def design(client: httpx.Client, name: str, upload: bytes) -> dict[str, Any]:
    """The result of a design for an upload.

    Raises:
        RuntimeError: the server refused something, or the design failed.
    """
    _fine(client.post("/v1/tasks", data={"name": name}, files={"file": upload}))
    job = _fine(client.post("/v1/designs", json={"space": SPACE, "task": name, "count": COUNT}))
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (answer := client.get(job["urls"]["result"])).status_code == 409:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no design after {TIMEOUT_SECONDS:g} s")
        time.sleep(POLL)
    return _fine(answer)


def _seconds(client: httpx.Client, name: str, upload: bytes) -> float:
    began = time.perf_counter()
    found = design(client, name, upload)
    if len(found["architectures"]) != COUNT:
        raise RuntimeError(f"{len(found['architectures'])} architectures instead of {COUNT}")
    return time.perf_counter() - began


def _is_honest(result: dict[str, Any], name: str) -> bool:
    predicted = [row["metrics"][f"accuracy@{name}"] for row in result["architectures"]]
    means = [value["mean"] for value in predicted]
    return (
        len({row["architecture"] for row in result["architectures"]}) == COUNT
        and means == sorted(means, reverse=True)
        and all(value["extrapolated"] and value["lower"] is value["upper"] is None for value in predicted)
    )


def _fine(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise RuntimeError(f"{answer.request.url}: {answer.status_code}: {answer.text[:300]}")
    return dict(answer.json())
