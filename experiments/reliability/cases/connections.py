"""X11, X14, X15: heads and uploads that never end, connections that ask nothing, names that are not ours."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from experiments.reliability import connections, orders
from experiments.reliability.case import Impossible, Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, Target, call

CUT_SECONDS = 30


def idle(target: Target, clients: int, seconds: float) -> Answers:
    """Idle connections from four addresses, so that the limit of one address is not what holds them back."""
    answers = Answers()
    with ThreadPoolExecutor(4) as pool:
        sources = [replace(target, source=f"127.0.3.{number + 1}") for number in range(4)]
        attack = partial(connections.idle_connections, connections=clients // 4, seconds=seconds)
        for found in pool.map(attack, sources):
            answers.update(found)
    return answers


@case(
    "X11",
    "headers without end, half headers, idle connections beyond the descriptors",
    {"cut-after": ("s", f"<= {CUT_SECONDS + 2}"), "held": ("connections", "== 0"), "log": ("MB", "<= 1")},
)
def headers(stack: str, full: bool) -> Measured:
    """4 × 400 MB of headers, 200 half requests, 1,100 idle connections at 1,024 descriptors.

    The short form: 4 × 25 MB, 60 half requests, 300 idle connections at 256 descriptors.
    """
    megabytes, half, clients, limit = (400, 200, 1_100, 1_024) if full else (25, 60, 300, 256)

    def attack(target: Target) -> Answers:
        answers = connections.header_flood(target, megabytes)
        answers.update(connections.half_headers(target, half, seconds=CUT_SECONDS + 10))
        answers.update(idle(target, clients, CUT_SECONDS + 5.0 if full else 20.0))
        return answers

    with serving(stack, workers=0, descriptors=limit) as served:
        done = drill(served, attack)
    cuts = [int(what.removeprefix("cut_s_")) for what in done.answers if what.startswith("cut_s_")]
    held = float(done.answers.get("held", 0))
    return measured(done, cut_after=float(max(cuts, default=0)), held=held, log=done.log_mb)


@case("X14", "unfinished uploads", {"held": ("MB", "<= 256"), "full-folder-not-507": ("answers", "== 0")})
def uploads(stack: str, full: bool) -> Measured:
    """100 uploads of 60 MB; the short form has 20. Then uploads into a folder of 16 MB."""
    count = 100 if full else 20
    with serving(stack, workers=0) as served:
        done = drill(
            served, partial(connections.unfinished_uploads, uploads=count, megabytes=60, seconds=15.0)
        )
    with small_folder(16) as folder:
        environment = {"NETWRIGHT_UPLOAD_DIR": str(folder)}
        with serving(stack, workers=0, environment=environment, temporary=folder) as served:
            body, form = orders.form("full", b"PK\3\4" + b"x" * 40_000_000)
            answers = [call(served.target(), "POST", "/v1/tasks", body, form)[0] for _ in range(3)]
    wrong = sum(answer != 507 for answer in answers)
    return measured(done, held=done.held_mb, full_folder_not_507=float(wrong))


@contextmanager
def small_folder(megabytes: int) -> Iterator[Path]:
    """A file system of its own that holds so many megabytes.

    Raises:
        Impossible: we may not mount one.
    """
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise Impossible("a file system of its own needs root")
    folder = Path(tempfile.mkdtemp(prefix="netwright-small-"))
    what = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(what, capture_output=True, text=True)
        if made.returncode != 0:
            raise Impossible(f"no file system of its own: {made.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=False)
    finally:
        folder.rmdir()


@case(
    "X15",
    "foreign Host, Origin and site",
    {"served": ("requests", "== 0"), "own-refused": ("requests", "== 0")},
)
def origins(stack: str, full: bool) -> Measured:
    """Every foreign name once; the service's own names and the health checks must go on."""
    with serving(stack, workers=0) as served:
        done = drill(served, connections.foreign_names)
        target = served.target()
        port = target.address[1]
        own = [
            call(target, "GET", "/v1/jobs", None, {"Host": f"localhost:{port}"})[0],
            call(target, "GET", "/healthz", None, {"Host": "anything.example"})[0],
            call(target, "GET", "/readyz", None, {"Host": "anything.example"})[0],
            call(target, "POST", "/v1/designs", orders.DESIGN, {"Origin": served.url})[0],
        ]
    served_anyway = sum(count for what, count in done.answers.items() if what not in ("421", "403"))
    refused = sum(status not in (200, 202) for status in own)
    return measured(done, served=float(served_anyway), own_refused=float(refused))
