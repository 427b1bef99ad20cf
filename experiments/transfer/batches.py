"""A batch of tasks times bounds through a running stack: figure 5 of ``netwright compare transfer``."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row
from workers.stack import Stack, StackOptions

SPACE = "nasbench201"
TASKS, CLASSES = 20, 10
BOUNDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
"""Parameters in millions, of cells that have between 0.07 and 1.53."""
WORKERS = 2
STACKS = 3
TIMEOUT_SECONDS, POLL_SECONDS = 600.0, 0.05
ENDED = ("succeeded", "infeasible", "failed", "cancelled")

PROTOCOL = f"""
5: a stack (API, relay, {WORKERS} workers, SQLite, Valkey) that was started for this. {TASKS} tasks are
uploaded, each of {CLASSES} ImageNet classes drawn at random; one batch, a template and a grid, asks for 8
{SPACE} cells for each of them under {len(BOUNDS)} bounds on parameters, without evaluations. Once for
warmth, then timed from the first byte of POST /v1/batches to the batch's end. Then the
same {TASKS * len(BOUNDS)} designs are posted one by one with the same seeds; equal is the share whose state
and result (seconds aside) is the same. One stack a seed, at most {STACKS}."""


def batches(context: Context) -> list[Row]:
    """Figure 5."""
    runs = [context.once(f"batches seed {seed}", measure, seed) for seed in context.seeds[:STACKS]]
    return [
        Row.measured(
            "5-designs-per-second",
            [run["speed"] for run in runs],
            "designs/s",
            goal=">= 5",
            evaluated_on=NO_TABLE,
        ),
        Row.measured(
            "5-equal-to-single", [run["equal"] for run in runs], "%", goal="== 100", evaluated_on=NO_TABLE
        ),
        Row.measured("5-first-batch", [run["first"] for run in runs], "designs/s"),
        Row.measured("5-one-by-one", [run["single"] for run in runs], "designs/s"),
    ]


def measure(seed: int) -> dict[str, float]:
    """Designs a second of the first and the second batch and one by one, and how many are the same."""
    with _running() as client:
        order: dict[str, Any] = {
            "template": {
                "space": SPACE,
                "constraints": [{"metric": "params_m", "max": BOUNDS[-1]}],
                "seed": seed,
            },
            "grid": {"task": _tasks(client, seed), "constraints[0].max": list(BOUNDS)},
        }
        first, _ = _timed(client, order)
        speed, answers = _timed(client, order)
        bodies = [
            order["template"] | {"task": task, "constraints": [{"metric": "params_m", "max": most}]}
            for task in order["grid"]["task"]
            for most in BOUNDS
        ]
        begin = time.perf_counter()
        jobs = [_posted(client, "/v1/designs", body) for body in bodies]
        singles = [(_ended(client, job), _got(client, job["urls"]["result"])) for job in jobs]
        single = len(bodies) / (time.perf_counter() - begin)
        same = sum(_bare(*one) == _bare(*other) for one, other in zip(answers, singles, strict=True))
    return {"first": first, "speed": speed, "single": single, "equal": 100 * same / len(bodies)}


def _tasks(client: httpx.Client, seed: int) -> list[str]:
    """Names of tasks that are uploaded here."""
    from encoders.tasks.imagenet_classes import wordnet_ids

    known, rng = wordnet_ids(), np.random.default_rng(seed)
    names = []
    for number in range(TASKS):
        chosen = sorted(rng.choice(len(known), CLASSES, replace=False))
        task = {"name": f"batch-{number}", "imagenet_classes": [known[index] for index in chosen]}
        _posted(client, "/v1/tasks", task)
        names.append(f"batch-{number}")
    return names


def _timed(client: httpx.Client, order: dict[str, Any]) -> tuple[float, list[tuple[str, dict[str, Any]]]]:
    """Designs a second of a batch, and the state and result of each."""
    begin = time.perf_counter()
    job = _posted(client, "/v1/batches", order)
    _ended(client, job)
    seconds = time.perf_counter() - begin
    answers: list[tuple[str, dict[str, Any]]] = []
    while True:
        after = f"&after={len(answers) - 1}" if answers else ""
        page = _got(client, f"/v1/batches/{job['id']}/designs?limit=100{after}")
        answers += [(each["job"]["state"], each["result"]) for each in page["designs"]]
        if not page["has_more"]:
            return len(answers) / seconds, answers


def _posted(client: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    answer.raise_for_status()
    return dict(answer.json())


def _got(client: httpx.Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    answer.raise_for_status()
    return dict(answer.json())


def _ended(client: httpx.Client, job: dict[str, Any]) -> str:
    """The state of a job that has ended, which is waited for."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while (state := str(_got(client, job["urls"]["self"])["state"])) not in ENDED:
        if time.monotonic() > deadline:
            raise RuntimeError(f"job {job['id']} is still {state} after {TIMEOUT_SECONDS:g} s")
        time.sleep(POLL_SECONDS)
    return state


def _bare(state: str, result: dict[str, Any]) -> str:
    return json.dumps([state, {**result, "seconds": None}], sort_keys=True)


@contextmanager
def _running() -> Iterator[httpx.Client]:
    with tempfile.TemporaryDirectory(prefix="netwright-batches-") as folder:
        options = StackOptions(Path(folder) / "data", workers=WORKERS, log_dir=Path(folder) / "logs")
        with Stack(options) as stack, httpx.Client(base_url=stack.url, timeout=120) as client:
            yield client
