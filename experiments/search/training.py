"""A study that trains networks on real images with two workers, one of which is killed on the way.

Row ids: 6.
"""

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from experiments.framework.context import Context
from experiments.framework.registry import comparison
from experiments.framework.row import NO_TABLE, Row
from store.sql import SqlStore
from workers.stack import Stack, StackOptions

DATA = "cifar10_jpeg"
WORKERS = 2
ORDER: dict[str, Any] = {
    "space": "nasbench201",
    "task": "cifar10",
    "evaluations": 12,
    "parallel": WORKERS,
    "evaluator": "training",
    "knowledge": "none",
    "evaluator_options": {
        "training": {
            "data": DATA,
            "network": "small",
            "resolution": 16,
            "images": 4000,
            "recipe": {"epochs": 5, "batch_size": 64, "learning_rate": 0.1, "augmentation": "flip"},
        }
    },
    "count": 3,
}
KILL_AFTER = 3
"""Evaluations after which a worker is killed."""

PROTOCOL = """\
A design in nasbench201 through the real HTTP API and two workers: 12 trainings on CIFAR-10 (JPEG, 4,000
images at 16×16, of which 800 validate; the reduced skeleton; 5 epochs of SGD), started with an empty cache.
After the third evaluation one of the workers is killed with SIGKILL. Time from the order to the result,
restarts included; finished epochs that were trained again; the accuracy of the best network, rebuilt from its
canonical string and its saved weights, less the accuracy that was reported."""


def study(images: Path, seed: int) -> dict[str, float]:
    """Runs the study once, in an empty folder."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="netwright-training-") as name:
        folder = Path(name)
        environment = {
            "NETWRIGHT_IMAGES": str(images),
            "NETWRIGHT_CACHE_DIR": str(folder / "cache"),
            "NETWRIGHT_LEASE_SECONDS": "10",
            "OMP_NUM_THREADS": "1",
        }
        options = StackOptions(
            folder / "data", workers=WORKERS, environment=environment, log_dir=folder / "logs"
        )
        with Stack(options) as stack:
            return _run(stack, images, folder, seed)


def _run(stack: Stack, images: Path, folder: Path, seed: int) -> dict[str, float]:
    began = time.monotonic()
    answer = httpx.post(f"{stack.url}/v1/designs", json=ORDER | {"seed": seed}, timeout=60)
    answer.raise_for_status()
    job_url = f"{stack.url}/v1/jobs/{answer.json()['id']}"
    killed = 0
    while True:
        job = httpx.get(job_url, timeout=60).json()
        if not killed and job["progress"]["done"] >= KILL_AFTER:
            victim = next(pid for name, pid in stack.pids.items() if name.startswith("worker"))
            os.kill(victim, signal.SIGKILL)
            killed = 1
        if job["finished_at"] is not None:
            break
        time.sleep(0.2)
    seconds = time.monotonic() - began
    if job["state"] != "succeeded":
        raise RuntimeError(f"the study {job['state']}: {job['reason']}")
    result = httpx.get(f"{job_url}/result", timeout=60).json()
    store = SqlStore(stack.database_url)
    try:
        again = _trained_again(store, job["id"])
    finally:
        store.close()
    best = result["architectures"][0]
    reported = best["metrics"]["accuracy@cifar10"]["mean"]
    blobs = (folder / "data" / "blobs").as_uri()
    return {
        "seconds": seconds,
        "evaluated": float(result["evaluated"]),
        "killed": float(killed),
        "attempts": float(job["attempt"]),
        "trained_again": float(again),
        "accuracy": reported,
        "test_accuracy": best["evaluation"]["training"]["test_accuracy"],
        "rebuilt_difference": abs(_rebuilt(blobs, best["evaluation"]["training"], images, folder) - reported),
    }


def _trained_again(store: SqlStore, job_id: str) -> int:
    """Checkpoints that stand twice in the events of the design and of its evaluations."""
    events, again = store.events(job_id, limit=10_000), 0
    jobs = {job_id} | {str(event.data["job"]) for event in events if event.kind == "handed-out"}
    for each in jobs:
        checkpoints = [event.data for event in store.events(each, limit=10_000) if event.kind == "checkpoint"]
        places = [(data["key"], data["epoch"], data["step"]) for data in checkpoints]
        again += len(places) - len(set(places))
    return again


def _rebuilt(blobs: str, details: dict[str, Any], images: Path, folder: Path) -> float:
    """Validation accuracy of the network that comes back from its weights."""
    from networks.images.dataset import load_images
    from networks.training.rebuild import rebuild
    from networks.training.train import accuracy
    from store.blobs.urls import open_blobs

    network, _ = rebuild(open_blobs(blobs).get(details["weights"]))
    options = ORDER["evaluator_options"]["training"]
    loaded = load_images(
        images, DATA, side=options["resolution"], images=options["images"], cache_dir=folder / "cache"
    )
    return accuracy(network, loaded, loaded.validation)


@comparison("training", protocol=PROTOCOL, seeds=1, full_seeds=3, trains=True, alone=True, hours=0.3)
def training(context: Context) -> Sequence[Row]:
    """The study's time, what the kill cost, and the network that comes back."""
    images = context.tables.data_dir
    goals = {
        "6-minutes": ("min", "<= 15"),
        "6-evaluations": ("evaluations", "== 12"),
        "6-workers-killed": ("workers", None),
        "6-finished-epochs-trained-again": ("epochs", "== 0"),
        "6-rebuilt-accuracy-differs-by": ("points", "<= 0.0001"),
        "6-best-validation-accuracy": ("%", None),
        "6-best-test-accuracy": ("%", None),
    }
    if images is None or not (images / f"{DATA}.tar.xz").is_file():
        reason = f"{DATA}.tar.xz is not in NETWRIGHT_DATA"
        return [
            Row.absent(name, reason, unit, goal=goal, evaluated_on=NO_TABLE)
            for name, (unit, goal) in goals.items()
        ]
    runs = [context.once(f"study {seed}", study, images, seed) for seed in context.seeds]
    names = {
        "6-evaluations": "evaluated",
        "6-workers-killed": "killed",
        "6-finished-epochs-trained-again": "trained_again",
        "6-rebuilt-accuracy-differs-by": "rebuilt_difference",
        "6-best-validation-accuracy": "accuracy",
        "6-best-test-accuracy": "test_accuracy",
    }
    values = {row: [run[name] for run in runs] for row, name in names.items()}
    values["6-minutes"] = [run["seconds"] / 60 for run in runs]
    return [
        Row.measured(name, values[name], unit, goal=goal, evaluated_on=NO_TABLE, source="CIFAR-10")
        for name, (unit, goal) in goals.items()
    ]
