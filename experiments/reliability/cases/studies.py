"""L10: a study that has grown as far as one may, and many who read it."""

import threading
import time
from functools import partial

from experiments.reliability import orders
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, Target, call

TASKS = ("cifar10", "cifar100", "cifar10-fp32", "cifar10-int8-ptq", "cifar10-int8-qat", "cifar10-analog")
STUDY = {
    "space": orders.SPACE,
    "task": "cifar10",
    "objectives": [{"metric": "accuracy", "task": task} for task in TASKS]
    + [{"metric": "latency_ms", "device": device} for device in ("a", "b")],
}
"""A study of as many objectives as one may have."""


def grown(target: Target, observations: int) -> str:
    """A study of eight objectives with so many observations."""
    status, study = call(target, "POST", "/v1/studies", STUDY)
    assert status == 201, study
    cells = orders.architectures(observations, 5)
    keys = [f"accuracy@{task}" for task in TASKS] + ["latency_ms@a", "latency_ms@b"]
    for begin in range(0, len(cells), 1000):
        told = [
            {"architecture": cell, "values": {key: 1.0 + (hash((cell, key)) % 9000) / 100 for key in keys}}
            for cell in cells[begin : begin + 1000]
        ]
        status, answer = call(
            target, "POST", f"/v1/studies/{study['id']}/observe", {"observations": told}, seconds=120.0
        )
        assert status == 200, answer
    return str(study["id"])


def crowd(
    target: Target, study: str, other: str, readers: int, seconds: float, slowest: dict[str, float]
) -> Answers:
    """Readers of the study, two who ask for suggestions and leave, and one who uses another study."""
    answers, lock, deadline = Answers(), threading.Lock(), time.monotonic() + seconds

    def repeat(kind: str, method: str, path: str, body: object, wait: float) -> None:
        while time.monotonic() < deadline:
            begin = time.perf_counter()
            status, _ = call(target, method, path, body, seconds=wait)
            spent = time.perf_counter() - begin
            with lock:
                slowest[kind] = max(slowest.get(kind, 0.0), spent)
                answers.note(status)

    asked = {"count": 1, "client_id": "crowd"}
    threads = [
        threading.Thread(target=repeat, args=("read", "GET", f"/v1/studies/{study}", None, 60.0))
        for _ in range(readers)
    ]
    threads += [
        threading.Thread(target=repeat, args=("suggest", "POST", f"/v1/studies/{study}/suggest", asked, 60.0))
        for _ in range(2)
    ]
    threads += [
        threading.Thread(target=repeat, args=("other", "POST", f"/v1/studies/{other}/suggest", asked, 60.0))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@case(
    "L10",
    "a study of many observations and eight objectives, with readers",
    {"slowest-call": ("s", "<= 30"), "other-study": ("s", "<= 2")},
)
def studies(stack: str, full: bool) -> Measured:
    """10,000 observations and 20 readers for a minute; the short form has 2,000 and 8 for 15 s."""
    observations, readers, seconds = (10_000, 20, 60.0) if full else (2_000, 8, 15.0)
    slowest: dict[str, float] = {}
    with serving(stack, workers=0) as served:
        target = served.target()
        study = grown(target, observations)
        other = str(call(target, "POST", "/v1/studies", {"space": orders.SPACE, "task": "cifar10"})[1]["id"])
        call(target, "POST", f"/v1/studies/{other}/suggest", {"count": 1, "client_id": "first"}, seconds=60.0)
        attack = partial(crowd, study=study, other=other, readers=readers, seconds=seconds, slowest=slowest)
        done = drill(served, attack)
    return measured(done, slowest_call=max(slowest.values()), other_study=slowest["other"])
