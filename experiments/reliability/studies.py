"""Studies that are large, asked by many, and asked by clients that do not wait for the answer."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from experiments.reliability.target import Answers, Target, call
from spaces.known import get_space

SPACE, TASK = "nasbench201", "cifar10"
OBJECTIVES = 8
OBSERVATIONS = 10_000
READERS = 20
A_CALL = 5_000
"""Observations in one call."""
LATE_SECONDS = 60.0
"""How long a client waits that does not give up early."""


def opened(target: Target, objectives: int = 1, seed: int = 0) -> str:
    """The id of a new study of an accuracy and of latencies on devices of its own.

    Raises:
        RuntimeError: the service refused it.
    """
    devices = [{"metric": "latency_ms", "device": f"device-{number}"} for number in range(1, objectives)]
    body = {"space": SPACE, "task": TASK, "seed": seed, "objectives": [{"metric": "accuracy"}, *devices]}
    status, answer = call(target, "POST", "/v1/studies", body, seconds=LATE_SECONDS)
    if status != 201:
        raise RuntimeError(f"no study: {status} {answer}")
    return str(answer["id"])


def filled(
    target: Target, study: str, count: int, objectives: int, answers: Answers, *, seed: int = 0
) -> None:
    """Tells a study of so many observations that none dominates another: the more objectives, the worse.

    Beyond the size of the space they are repeats under other fidelities, of which only the first is full.
    """
    names, rng = _names(), random.Random(seed)
    for start in range(0, count, A_CALL):
        observations = []
        for index in range(start, min(start + A_CALL, count)):
            values = [rng.uniform(1, 90) for _ in range(max(objectives - 1, 1))]
            keys = [f"latency_ms@device-{number}" for number in range(1, objectives)]
            good = sum(values) / len(values)  # whatever is faster is worse
            observations.append(
                {
                    "architecture": names[index % len(names)],
                    "values": {"accuracy": good, **dict(zip(keys, values, strict=False))},
                    "fidelity": "full" if index < len(names) else f"repeat-{index // len(names)}",
                }
            )
        path = f"/v1/studies/{study}/observe"
        answers.note(call(target, "POST", path, {"observations": observations}, seconds=LATE_SECONDS)[0])


def _names() -> list[str]:
    space = get_space(SPACE)
    names = space.format(space.enumerate())
    random.Random(0).shuffle(names)
    return names


def suggestions_of_a_large_study(
    target: Target, *, observations: int = OBSERVATIONS, objectives: int = OBJECTIVES, callers: int = 4
) -> Answers:
    """Several clients ask a study of many observations and objectives for suggestions, and wait."""
    answers = Answers()
    study = opened(target, objectives)
    filled(target, study, observations, objectives, answers)

    def ask(number: int) -> None:
        body = {"count": 2, "client_id": f"client-{number}"}
        path = f"/v1/studies/{study}/suggest"
        answers.note(call(target, "POST", path, body, seconds=LATE_SECONDS)[0])

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(ask, range(callers)))
    return answers


def readers_of_a_large_study(
    target: Target, *, observations: int = OBSERVATIONS, objectives: int = OBJECTIVES, readers: int = READERS
) -> Answers:
    """Many clients at once read a study of many observations."""
    answers = Answers()
    study = opened(target, objectives)
    filled(target, study, observations, objectives, answers)

    def read(_: int) -> None:
        answers.note(call(target, "GET", f"/v1/studies/{study}", seconds=LATE_SECONDS)[0])

    with ThreadPoolExecutor(readers) as pool:
        list(pool.map(read, range(2 * readers)))
    return answers


def askers_that_leave(
    target: Target, *, observations: int = OBSERVATIONS, objectives: int = OBJECTIVES, seconds: float = 20.0
) -> Answers:
    """Clients ask large studies for suggestions and close the connection at once, again and again."""
    answers = Answers()
    studies = [opened(target, objectives, seed) for seed in range(2)]
    for study in studies:
        filled(target, study, observations, objectives, answers)
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline:
        number += 1
        body = {"count": 2, "client_id": f"client-{number}"}
        path = f"/v1/studies/{studies[number % len(studies)]}/suggest"
        answers.note(call(target, "POST", path, body, seconds=0.2)[0])
    return answers


@dataclass
class Others:
    """What the client of another, small study met meanwhile.

    Args:
        seconds: of each suggestion and each observation.
        answers: what it got.
    """

    seconds: list[float] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)


@contextmanager
def another_study(target: Target, pause: float = 0.5) -> Iterator[Others]:
    """While the block runs, an honest client asks a small study of its own for suggestions and observes
    them."""
    met, stop = Others(), threading.Event()
    study = opened(target)

    def timed(path: str, body: object) -> object:
        began = time.monotonic()
        status, answer = call(target, "POST", f"/v1/studies/{study}/{path}", body, seconds=LATE_SECONDS)
        met.seconds.append(time.monotonic() - began)
        met.answers.note(status)
        return answer

    def drive() -> None:
        rng = random.Random(1)
        while not stop.is_set():
            answer = timed("suggest", {"client_id": "honest"})
            suggested = answer.get("suggestions", []) if isinstance(answer, dict) else []
            observation = [
                {"architecture": each["architecture"], "values": {"accuracy": rng.uniform(50, 95)}}
                for each in suggested
            ]
            if observation:
                timed("observe", {"observations": observation})
            stop.wait(pause)

    timed("suggest", {"client_id": "honest"})  # its process is there
    met.seconds.clear()
    thread = threading.Thread(target=drive, daemon=True)
    thread.start()
    try:
        yield met
    finally:
        stop.set()
        thread.join(LATE_SECONDS)


ATTACKS: dict[str, Callable[[Target], Answers]] = {
    "suggestions of 10,000 observations, 8 objectives": suggestions_of_a_large_study,
    "20 readers of 10,000 observations": readers_of_a_large_study,
    "suggestions nobody waits for": askers_that_leave,
}
