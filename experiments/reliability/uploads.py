"""A whole data set over a line that is cut, to an API that is killed meanwhile: what it costs and loses."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.reliability import processes
from experiments.reliability.line import line
from experiments.reliability.stack import Served
from experiments.reliability.target import Target, call
from store.tied_process import tied

NAME = "large"
CLASSES = 10
SIDE = 256
"""Of an image of noise, which no compression makes smaller: 197 kB."""
CUTS = 5
KILLED_AT = 3
"""The cut at which the API is killed too."""
LOOK_SECONDS = 0.1
WAIT_SECONDS = 1200.0
_TUS = {"Tus-Resumable": "1.0.0"}


def archive(path: Path, megabytes: int) -> dict[str, int]:
    """Writes a zip of class folders of about so many megabytes; returns images by class."""
    rng = np.random.default_rng(0)
    counts: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for number in range(max(2 * CLASSES, megabytes * 1_000_000 // (3 * SIDE * SIDE))):
            name = f"class{number % CLASSES}"
            content = io.BytesIO()
            pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(content, "PNG", compress_level=0)
            made.writestr(f"{name}/{number}.png", content.getvalue())
            counts[name] = counts.get(name, 0) + 1
    return counts


@dataclass
class Watched:
    """What was seen of a service while a data set arrived.

    Args:
        memory_mb: role, or module of a worker's child → most resident memory of one of its processes.
        acknowledged: the highest offset that the service has named.
        lost: answers that named a lower one than an earlier answer.
    """

    memory_mb: dict[str, float] = field(default_factory=dict)
    acknowledged: int = 0
    lost: int = 0


@contextmanager
def watched(served: Served) -> Iterator[Watched]:
    """Reads memory from the kernel and asks for the offset, again and again, all through the block."""
    seen, over = Watched(), threading.Event()
    target = served.target()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            for pid in processes.children(served.pid, direct=True):
                _remember(seen, processes.role(pid), pid)
                if processes.role(pid) == "worker":
                    for child in processes.children(pid):
                        _remember(seen, processes.module(child), child)
            offset = _offset(target)
            if offset is not None:
                seen.lost += offset < seen.acknowledged
                seen.acknowledged = max(seen.acknowledged, offset)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def _remember(seen: Watched, name: str, pid: int) -> None:
    seen.memory_mb[name] = max(seen.memory_mb.get(name, 0.0), processes.peak_mb(pid))


def _offset(target: Target) -> int | None:
    """What the service says it has; None where it says nothing."""
    status, shown = call(target, "GET", f"/v1/datasets/{NAME}", headers=_TUS, seconds=10.0)
    return int(shown["received"]) if status == 200 else None


@dataclass(frozen=True, slots=True)
class Arrived:
    """How an upload went.

    Args:
        bytes: of the content.
        sent: bytes that went towards the service, heads of requests among them.
        breaks: of the line.
        kills: of the API.
        seconds: until the last byte was there.
        job: the id of the job that reads it.
    """

    bytes: int
    sent: int
    breaks: int
    kills: int
    seconds: float
    job: str

    @property
    def sent_twice_mb(self) -> float:
        """What was sent more than once, for each break."""
        return (self.sent - self.bytes) / processes.MEGABYTE / max(self.breaks, 1)


def upload(served: Served, path: Path) -> Arrived:
    """Uploads an archive over a line that breaks, and kills the API once."""
    length, kills = path.stat().st_size, 0

    def on_cut(number: int) -> None:
        nonlocal kills
        if number == KILLED_AT:
            for pid in served.roles("api"):
                os.kill(pid, signal.SIGKILL)
                kills += 1

    cuts = [length * number // (CUTS + 1) for number in range(1, CUTS + 1)]
    begin = time.monotonic()
    with line(served.target(), cuts, on_cut) as way, _adding(path, way.url) as command:
        shown = _shown(served, lambda found: found["received"] == length, command)
        seconds = time.monotonic() - begin
        return Arrived(length, way.sent, way.broken, kills, seconds, str(shown["job"]))


def read(served: Served) -> dict[str, Any]:
    """The data set once it was read, as the service shows it."""
    return _shown(served, lambda found: found["state"] in ("ready", "failed"))


@contextmanager
def _adding(path: Path, url: str) -> "Iterator[subprocess.Popen[bytes]]":
    """The command that uploads, as a person starts it; ended behind the block, though it waits for more."""
    command = tied([sys.executable, "-m", "netwright", "datasets", "add", NAME, str(path), "--url", url])
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _shown(
    served: Served,
    holds: Callable[[dict[str, Any]], bool],
    command: "subprocess.Popen[bytes] | None" = None,
) -> dict[str, Any]:
    """The data set as soon as a condition holds of it.

    Raises:
        RuntimeError: it never did, or the command that it depends on ended before.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        ended = command is not None and command.poll() is not None
        status, found = call(served.target(), "GET", f"/v1/datasets/{NAME}", seconds=10.0)
        if status == 200 and holds(found):
            return dict(found)
        if ended or time.monotonic() > deadline:
            raise RuntimeError(f"the upload came to nothing: {status} {str(found)[:500]}")
        time.sleep(LOOK_SECONDS)
