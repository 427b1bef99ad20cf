"""Speed of ``/v1/predict`` of a real server on loopback; rows of ``netwright compare throughput``."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from experiments.framework.context import Context
from experiments.framework.row import NO_TABLE, Row
from spaces.known import get_space
from workers.stack import free_port

SPACES = (("nasbench201", "cifar10-int8-ptq"), ("gnn", "arxiv"))
LARGE = ("mnasnet", "imagenet")
"""The space whose shipped models are the largest."""
CELLS = 15_000
REPEATS = 5
CLIENTS, REQUESTS, ROUNDS = 4, 150, 5
START_SECONDS = 120.0

PROTOCOL = f"""
7, over HTTP: one API process (netwright api, SQLite) on loopback, accuracy with intervals by the shipped
model; in mnasnet by the default kind and by gbdt. Columns: {CELLS:,} distinct cells a call as canonical
strings, from the request's first byte to the answer's last, the mean of {REPEATS} calls after one that is not
counted. Single: {CLIENTS} clients, each asking for one cell after another on its own connection, {REQUESTS}
times; the 95th percentile of all, the mean of {ROUNDS} rounds. Rows that end in a-core are by the server's
own processor time."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running API process."""

    port: int
    pid: int

    def ask(self, connection: http.client.HTTPConnection, body: bytes) -> bytes:
        """One prediction.

        Raises:
            RuntimeError: the server refused it.
        """
        connection.request("POST", "/v1/predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {content[:300]!r}")
        return content

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)

    def processor_seconds(self) -> float:
        """What the process has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def server() -> Iterator[Served]:
    """An API process in an empty folder, ready inside the block and gone behind it."""
    port = free_port("127.0.0.1")
    with TemporaryDirectory(prefix="netwright-throughput-") as folder:
        own = {
            "NETWRIGHT_DATA_DIR": folder,
            "NETWRIGHT_PORT": str(port),
            "NETWRIGHT_HOST": "127.0.0.1",
            "NETWRIGHT_LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
        }
        process = subprocess.Popen([sys.executable, "-m", "netwright", "api"], env={**os.environ, **own})
        try:
            served = Served(port, process.pid)
            _wait_until_ready(served, process)
            yield served
        finally:
            process.terminate()
            process.wait()


def _wait_until_ready(served: Served, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        connection = served.connect()
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the API did not start") from None
        finally:
            connection.close()
        time.sleep(0.05)


def over_http(context: Context) -> list[Row]:
    """Columns and single predictions of two spaces."""
    rows = []
    for name, task in SPACES:
        speeds = context.once(f"http {name}", measure, name, task)
        columns, single = f"7-http-columns-{name}", f"7-http-single-{name}"
        rows += [
            Row.measured(
                columns, speeds["columns"], "cells/s", over="calls", goal=">= 50000", evaluated_on=NO_TABLE
            ),
            Row.measured(f"{columns}-a-core", speeds["columns-core"], "cells/s", over="calls"),
            Row.measured(
                f"{single}-p95",
                speeds["single-p95"],
                "ms",
                over="rounds",
                goal="<= 15",
                evaluated_on=NO_TABLE,
            ),
            Row.measured(f"{single}-a-core", speeds["single-core"], "ms", over="rounds"),
        ]
    for kind, goal in (("auto", 20_000), ("gbdt", 50_000)):
        speeds = context.once(f"http {LARGE[0]} {kind}", measure_columns, *LARGE, kind)
        columns = f"7-http-columns-{LARGE[0]}-{kind}"
        rows += [
            Row.measured(
                columns, speeds["columns"], "cells/s", over="calls", goal=f">= {goal}", evaluated_on=NO_TABLE
            ),
            Row.measured(f"{columns}-a-core", speeds["columns-core"], "cells/s", over="calls"),
        ]
    return rows


def measure_columns(name: str, task: str, kind: str) -> dict[str, list[float]]:
    """Figures of a space too large to list, by a kind of model."""
    space = get_space(name)
    names = space.format(np.unique(space.sample(CELLS, np.random.default_rng(0)), axis=0))
    with server() as served:
        return _columns(served, name, task, names, kind)


def measure(name: str, task: str) -> dict[str, list[float]]:
    """Every figure of a space, by name."""
    space = get_space(name)
    codes = np.random.default_rng(0).permutation(space.enumerate())[:CELLS]
    names = space.format(codes)
    with server() as served:
        return _columns(served, name, task, names) | _single(served, name, task, names)


def _body(name: str, task: str, architectures: list[str], layout: str, kind: str = "auto") -> bytes:
    metrics = [{"metric": "accuracy", "task": task}]
    order = {
        "space": name, "metrics": metrics, "architectures": architectures, "layout": layout, "kind": kind,
    }  # fmt: skip
    return json.dumps(order).encode()


def _columns(
    served: Served, name: str, task: str, names: list[str], kind: str = "auto"
) -> dict[str, list[float]]:
    body, connection = _body(name, task, names, "columns", kind), served.connect()
    wall, processor = [], []
    for _ in range(1 + REPEATS):
        began, spent = time.perf_counter(), served.processor_seconds()
        served.ask(connection, body)
        wall.append(time.perf_counter() - began)
        processor.append(served.processor_seconds() - spent)
    connection.close()
    tick = 1 / os.sysconf("SC_CLK_TCK")
    return {
        "columns": [len(names) / seconds for seconds in wall[1:]],
        "columns-core": [len(names) / max(seconds, tick) for seconds in processor[1:]],
    }


def _single(served: Served, name: str, task: str, names: list[str]) -> dict[str, list[float]]:
    def client(number: int) -> list[float]:
        connection, taken = served.connect(), []
        for request in range(REQUESTS):
            body = _body(name, task, [names[number * REQUESTS + request]], "rows")
            began = time.perf_counter()
            served.ask(connection, body)
            taken.append(1000 * (time.perf_counter() - began))
        connection.close()
        return taken

    rounds: dict[str, list[float]] = {"single-p95": [], "single-core": []}
    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(ROUNDS):
            spent = served.processor_seconds()
            taken = [value for part in pool.map(client, range(CLIENTS)) for value in part]
            used = served.processor_seconds() - spent
            rounds["single-p95"].append(float(np.percentile(taken, 95)))
            rounds["single-core"].append(1000 * used / (CLIENTS * REQUESTS))
    return rounds
