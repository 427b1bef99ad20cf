"""An honest client beside the attackers: small designs and their events, predictions, a study, a task.

It does what any client should: it repeats what was refused for a moment (429, 503) and connects again to an
event stream that broke, from the last event that it saw. In a process of its own, so that attackers do not
slow it.
"""

import http.client
import json
import math
import multiprocessing
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Self

from experiments.reliability import orders
from experiments.reliability.target import Target, call

GIVE_UP_SECONDS = 120.0
PAUSE_SECONDS = 0.3
UPLOAD_EVERY = 6
"""Embedding a task costs a core some seconds; it is done in every sixth round."""
TERMINAL = ("succeeded", "failed", "cancelled", "infeasible")


@dataclass
class Diary:
    """What an honest client met.

    Args:
        seconds: durations of each operation that succeeded.
        failures: what went wrong, in words.
        jobs: ids of the jobs that were accepted.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)

    def p95(self, operation: str) -> float:
        """Of the durations of an operation; infinite where none succeeded."""
        durations = sorted(self.seconds.get(operation, []))
        return durations[math.ceil(0.95 * len(durations)) - 1] if durations else math.inf


class HonestClient:
    """Works until :meth:`stop`, which gives its diary."""

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, url), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.join(5.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def stop(self) -> Diary:
        """What it met; the round at hand is finished first."""
        self._ours.send("enough")
        if not self._ours.poll(4 * GIVE_UP_SECONDS):
            return Diary(failures=["the honest client hangs"])
        diary = self._ours.recv()
        assert isinstance(diary, Diary)
        return diary


def _work(pipe: Connection, url: str) -> None:
    diary, target, number = Diary(), Target(url), 0
    while not pipe.poll(PAUSE_SECONDS):
        operations: dict[str, Callable[[Target, int, Diary], None]] = {
            "design": _design,
            "predict": _predict,
            "study": _study,
        }
        if number % UPLOAD_EVERY == 0:
            operations["upload"] = _upload
        for name, operation in operations.items():
            begin = time.perf_counter()
            try:
                operation(target, number, diary)
            except Exception as error:
                diary.failures.append(f"{name}: {error}"[:300])
            else:
                diary.seconds.setdefault(name, []).append(time.perf_counter() - begin)
        number += 1
    pipe.send(diary)


def asked(target: Target, method: str, path: str, body: Any = None, **headers: str) -> Any:
    """The answer of a call that must succeed; what was refused for a moment or got lost is asked again.

    Raises:
        RuntimeError: another answer, or none for :data:`GIVE_UP_SECONDS`.
    """
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        status, answer = call(target, method, path, body, headers, seconds=60.0)
        if status in (200, 201, 202, 204):
            return answer
        if status not in (429, 503, "cut", "silent") or time.monotonic() > deadline:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        time.sleep(0.5)


def _design(target: Target, number: int, diary: Diary) -> None:
    order = {**orders.DESIGN, "seed": number}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    job = asked(target, "POST", "/v1/designs", order, **key)
    diary.jobs.append(job["id"])
    state = _followed(target, job["id"])
    if state != "succeeded":
        raise RuntimeError(f"the design {job['id']} ended {state}")
    found = asked(target, "GET", f"/v1/jobs/{job['id']}/result")["architectures"]
    if len(found) != order["count"]:
        raise RuntimeError(f"the design {job['id']} has {len(found)} architectures")


def _followed(target: Target, job: str) -> str:
    """The last state in a job's event stream; every event must come once and in order."""
    seen, deadline = 0, time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(
            *target.address, timeout=40.0, source_address=(target.source, 0)
        )
        try:
            connection.request("GET", f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(seen)})
            answer = connection.getresponse()
            kind = ""
            while answer.status == 200 and (line := answer.readline()):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    if int(value) != seen + 1:
                        raise RuntimeError(f"event {value} came after {seen}")
                    seen = int(value)
                elif name == "event":
                    kind = value
                elif name == "data" and kind == "state":
                    state = str(json.loads(value)["state"])
                    if state in TERMINAL:
                        return state
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.5)
    raise RuntimeError(f"the events of {job} do not end")


def _predict(target: Target, number: int, diary: Diary) -> None:
    metrics = [{"metric": "accuracy", "task": orders.TASK}, {"metric": "params_m"}]
    cells = orders.architectures(20, number)
    body = {"space": orders.SPACE, "metrics": metrics, "architectures": cells}
    answer = asked(target, "POST", "/v1/predict", body)
    if len(answer["predictions"]) != len(cells):
        raise RuntimeError("predictions are missing")


def _study(target: Target, number: int, diary: Diary) -> None:
    body = {"space": orders.SPACE, "task": "cifar10", "seed": number}
    study = asked(target, "POST", "/v1/studies", body)["id"]
    given: set[str] = set()
    for _ in range(3):
        wanted = {"count": 1, "client_id": "honest"}
        found = asked(target, "POST", f"/v1/studies/{study}/suggest", wanted)["suggestions"]
        cell = found[0]["architecture"]
        if cell in given:
            raise RuntimeError("an architecture was suggested twice")
        given.add(cell)
        observation = {"architecture": cell, "values": {"accuracy": 60.0 + 5 * cell.count("nor_conv_3x3")}}
        asked(target, "POST", f"/v1/studies/{study}/observe", {"observations": [observation]})
    asked(target, "DELETE", f"/v1/studies/{study}")


def _upload(target: Target, number: int, diary: Diary) -> None:
    name = f"honest-{uuid.uuid4().hex[:8]}"
    body, headers = orders.form(name, orders.images(int(name[7:], 16)))
    made = asked(target, "POST", "/v1/tasks", body, **headers)
    if made["images"] != 8:
        raise RuntimeError(f"the task has {made['images']} images")
    asked(target, "DELETE", f"/v1/tasks/{name}")
