"""Equal requests at once: what every route that writes does when four ask for the same thing in one moment.

Each race is a function ``race(target, number) -> Raced``. Its rounds are independent, so any number of them
may be run one after the other, beside other load. A round says what was answered, and what was wrong: an
answer that is neither 2xx nor 409, two things where there must be one, or something that is gone.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.reliability.target import Answers, Target, call
from spaces.known import get_space
from store.blobs.blobs import Blobs
from store.sql import SqlStore

AT_ONCE = 4
SPACE, TASK = "nasbench201", "cifar10"
CLASSES = ["n02123045", "n02123159", "n02124075", "n02099601", "n02106662", "n02108089"]
SECONDS = 120.0


@dataclass
class Raced:
    """What a round gave.

    Args:
        answers: statuses.
        faults: what was wrong, in words.
    """

    answers: Answers = field(default_factory=Answers)
    faults: list[str] = field(default_factory=list)

    def expect(self, holds: bool, fault: str) -> None:
        """Notes a fault unless something holds."""
        if not holds:
            self.faults.append(fault)

    def add(self, other: "Raced") -> None:
        """Takes another round's answers and faults along."""
        self.answers.update(other.answers)
        self.faults += other.faults


Race = Callable[[Target, int], Raced]


def at_once(
    target: Target,
    path: str,
    body: object,
    *,
    headers: Mapping[str, str] | None = None,
    count: int = AT_ONCE,
) -> tuple[Raced, list[Any]]:
    """Sends so many equal POST requests in one moment.

    Returns:
        What was answered, and the bodies of those that were accepted.
    """
    gate = threading.Barrier(count)
    found: list[tuple[int | str, Any]] = []

    def ask() -> None:
        gate.wait()
        found.append(call(target, "POST", path, body, headers, seconds=SECONDS))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    raced = Raced()
    for status, answer in found:
        raced.answers.note(status)
        accepted = isinstance(status, int) and (200 <= status < 300 or status == 409)
        raced.expect(accepted, f"POST {path}: {status} {str(answer)[:200]}")
    return raced, [answer for status, answer in found if isinstance(status, int) and status < 300]


def observations(count: int, seed: int) -> list[dict[str, object]]:
    """Labels of random cells."""
    space = get_space(SPACE)
    codes = space.sample(count, np.random.default_rng(seed))
    values = 90 + 2 * np.log(space.statistics(codes)["params_m"])
    pairs = zip(space.format(codes), values.tolist(), strict=True)
    return [{"architecture": architecture, "value": value} for architecture, value in pairs]


def observing(predictor: str) -> Race:
    """Races of observations of a trained predictor; it must answer after each."""
    path = f"/v1/predictors/{predictor}"

    def race(target: Target, number: int) -> Raced:
        before = call(target, "GET", path)[1]["labels"]
        body = {"observations": observations(1, number)}
        headers = {"Idempotency-Key": f"observe-{number}"} if number % 2 else None
        raced, given = at_once(target, f"{path}/observe", body, headers=headers)
        shown = call(target, "GET", path)[1]
        # With a key it is one order, however often it is sent.
        more = 1 if headers else len(given)
        raced.expect(
            shown["labels"] == before + more, f"{shown['labels']} labels, {before} + {more} expected"
        )
        asked = {"metric": "accuracy", "task": TASK, "predictor": predictor}
        names = [item["architecture"] for item in observations(2, 9)]
        status, answer = call(
            target, "POST", "/v1/predict", {"space": SPACE, "metrics": [asked], "architectures": names}
        )
        raced.expect(status == 200, f"the predictor answers {status} {str(answer)[:200]}")
        return raced

    return race


def declaring(target: Target, number: int) -> Raced:
    """A space is declared by all at once: created once, trained by one job."""
    name = f"race_{number}"
    toml = f'name = "{name}"\n[variables]\nlayers = [1, 2, 3]\n[costs]\nparams_m = "layers + {number}"\n'
    raced, made = at_once(target, "/v1/spaces", {"toml": toml})
    raced.expect(raced.answers["201"] == 1, f"created {raced.answers['201']} times")
    raced.expect(len({space["generator"]["id"] for space in made}) == 1, "more than one training")
    status, _ = call(target, "DELETE", f"/v1/spaces/{name}")
    raced.expect(status == 204, f"deleting the space: {status}")
    return raced


def uploading(target: Target, number: int) -> Raced:
    """A task is added by all at once: created once, its embedding there afterwards."""
    name = f"race-{number}"
    # Most rounds upload what is known already under another name; each tenth something new.
    classes = CLASSES[: 2 + number // 10 % 4]
    raced, made = at_once(target, "/v1/tasks", {"name": name, "imagenet_classes": classes})
    raced.expect(raced.answers["201"] == 1, f"created {raced.answers['201']} times")
    digests = {task["embedding"]["digest"] for task in made}
    raced.expect(len(digests) == 1, f"{len(digests)} embeddings")
    cell = observations(1, 9)[0]["architecture"]
    asked = {"space": SPACE, "metrics": [{"metric": "accuracy", "task": name}], "architectures": [cell]}
    status, answer = call(target, "POST", "/v1/predict", asked, seconds=SECONDS)
    raced.expect(status == 200, f"a prediction for the task: {status} {str(answer)[:200]}")
    call(target, "DELETE", f"/v1/tasks/{name}")
    return raced


ORDER = {"space": SPACE, "task": TASK, "count": 1}


def ordering(target: Target, number: int) -> Raced:
    """A design is ordered by all at once with one key, then cancelled, then repeated by all at once."""
    key = {"Idempotency-Key": f"design-{number}"}
    raced, made = at_once(target, "/v1/designs", ORDER, headers=key)
    raced.expect(len({job["id"] for job in made}) == 1, "one key made several jobs")
    other, _ = call(target, "POST", "/v1/designs", {**ORDER, "count": 2}, key)
    raced.expect(other == 409, f"the same key with another body: {other}")
    for job in made[:1]:
        call(target, "POST", f"/v1/jobs/{job['id']}/cancel")
        raced.add(_repeating(target, job["id"]))
    return raced


def _repeating(target: Target, job_id: str) -> Raced:
    raced, again = at_once(target, f"/v1/jobs/{job_id}/retry", {})
    raced.expect(len({job["id"] for job in again}) <= 1, "a retry made several jobs")
    for job in again[:1]:
        call(target, "POST", f"/v1/jobs/{job['id']}/cancel")
    return raced


def measuring(target: Target, number: int) -> Raced:
    """A device, a study and a predictor are made by all at once."""
    space = get_space(SPACE)
    codes = space.sample(6, np.random.default_rng(number))
    values = (1.0 + space.statistics(codes)["macs_m"]).tolist()
    measured = [{"architecture": a, "value": v} for a, v in zip(space.format(codes), values, strict=True)]
    device = {"name": "race", "space": SPACE, "metric": "latency_ms", "measurements": measured}
    raced, _ = at_once(target, "/v1/devices", device)
    key = {"Idempotency-Key": f"made-{number}"}
    study, studies = at_once(target, "/v1/studies", {"space": SPACE, "task": TASK}, headers=key)
    study.expect(len({made["id"] for made in studies}) == 1, "one key made several studies")
    order: dict[str, object] = {"space": SPACE, "metric": "accuracy", "task": TASK, "kind": "gp"}
    order |= {"observations": observations(6, number)}
    trained, trainings = at_once(target, "/v1/predictors", order, headers=key)
    trained.expect(len({made["id"] for made in trainings}) == 1, "one key made several trainings")
    trained.expect(len({made["predictor"] for made in trainings}) == 1, "one key made several predictors")
    for made in studies[:1]:
        call(target, "DELETE", f"/v1/studies/{made['id']}")
    for made in trainings[:1]:
        call(target, "DELETE", f"/v1/predictors/{made['predictor']}")
    raced.add(study)
    raced.add(trained)
    return raced


RACES: dict[str, Race] = {
    "spaces": declaring,
    "tasks": uploading,
    "designs and retries": ordering,
    "devices, studies, predictors": measuring,
}
"""Besides those of :func:`observing`, which need a predictor that is trained."""


def trained_predictor(target: Target, wait: Callable[[Callable[[], bool]], None]) -> str:
    """A predictor that learns at once, trained by a worker; ``wait`` returns when a condition holds."""
    order = {"space": SPACE, "metric": "accuracy", "task": TASK, "kind": "gp"}
    status, made = call(target, "POST", "/v1/predictors", {**order, "observations": observations(8, 0)})
    assert status == 202, made
    predictor = str(made["predictor"])
    wait(lambda: call(target, "GET", f"/v1/predictors/{predictor}")[1]["state"] == "ready")
    return predictor


def lost_blobs(store: SqlStore, blobs: Blobs) -> list[str]:
    """Blobs that predictors, tasks and spaces name and that are not there: there must be none."""
    named: list[str] = []
    after: str | None = None
    more = True
    while more:
        page, more = store.predictors(after=after, limit=100)
        named += [
            version.model
            for each in page
            for version in (each.current, each.latest)
            if version and version.model
        ]
        after = page[-1].id if page else None
    named += [task.about.embedding for task in store.tasks()]
    for space in store.spaces():
        result = (store.result(space.job_id) if space.job_id else None) or {}
        named.append(str(result.get("generator", "")).removeprefix("sha256:"))
    return [name for name in dict.fromkeys(named) if name and not blobs.exists(name)]
