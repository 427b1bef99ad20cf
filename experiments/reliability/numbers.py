"""Numbers at the edge of what a float can hold, as measurements, labels and observations of every kind."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from experiments.reliability.target import Answers, Target, call
from spaces.known import get_space

SPACE, TASK, METRIC = "nasbench201", "cifar10", "latency_ms"
WAIT_SECONDS = 60.0
TRAINING_SECONDS = 300.0

EXTREME: dict[str, list[float]] = {
    "two far apart": [1.0, 1e308],
    "three far apart": [1e299, 1.0, 2.0],
    "two near 0": [1e-300, 2e-300],
    "one near 0": [1e-300, 1.0, 2.0],
    "the smallest": [5e-324, 1.0],
    "the largest": [1.7976931348623157e308] * 2 + [1e308],
    "constants": [5.0] * 8,
    "constants but for rounding": [93.1, 93.10000000000001] * 4,
    "zeros": [0.0] * 5,
    "zero and one": [0.0, 1.0],
    "negative": [-1.0, -2.0, -3.0],
    "the ends of the range": [1e-12, 1e7],
    "both ends, many times": [1e-12, 1e7] * 8,
    "all magnitudes": [10.0**power for power in range(-12, 8)],
    "one far off": [5.0 + 0.1 * number for number in range(12)] + [1e7],
    "beyond the range": [1.0, 1.0000001e7],
}


def extreme_measurements(target: Target, sets: dict[str, list[float]] = EXTREME) -> Answers:
    """Devices of extreme measurements; of each that is accepted also a prediction and a design."""
    answers = Answers()
    for number, values in enumerate(sets.values()):
        name = f"extreme-{number}"
        body = {
            "name": name,
            "space": SPACE,
            "metric": METRIC,
            "measurements": [{"architecture": a, "value": v} for a, v in _pairs(values)],
        }
        status, _ = call(target, "POST", "/v1/devices", body, seconds=WAIT_SECONDS)
        answers.note(status)
        if status == 201:
            metric = {"metric": METRIC, "device": name}
            _predict(target, metric, answers)
            design = {"space": SPACE, "task": TASK, "constraints": [metric | {"max": 1e6}], "count": 2}
            _job(target, "/v1/designs", design, answers)
    return answers


def extreme_labels(target: Target, sets: dict[str, list[float]] = EXTREME, kind: str = "gp") -> Answers:
    """Predictors of extreme labels; of each that is accepted its training, and a prediction with it."""
    answers = Answers()
    for values in sets.values():
        body = {
            "space": SPACE,
            "kind": kind,
            "metric": "accuracy",
            "task": TASK,
            "observations": [{"architecture": a, "value": v} for a, v in _pairs(values)],
        }
        made = _job(target, "/v1/predictors", body, answers)
        if made is not None:
            _predict(target, {"metric": "accuracy", "task": TASK, "predictor": made["predictor"]}, answers)
    return answers


def extreme_observations(target: Target, sets: dict[str, list[float]] = EXTREME) -> Answers:
    """Studies with observations of extreme values; each is asked for a suggestion afterwards."""
    answers = Answers()
    opening = {"space": SPACE, "task": TASK, "objectives": [{"metric": METRIC, "device": "my-board"}]}
    for values in sets.values():
        status, study = call(target, "POST", "/v1/studies", opening, seconds=WAIT_SECONDS)
        answers.note(status)
        if status != 201:
            continue
        observations = [{"architecture": a, "values": {METRIC: v}} for a, v in _pairs(values)]
        path = f"/v1/studies/{study['id']}"
        body = {"observations": observations}
        answers.note(call(target, "POST", f"{path}/observe", body, seconds=WAIT_SECONDS)[0])
        asked = {"client_id": "a", "count": 2}
        answers.note(call(target, "POST", f"{path}/suggest", asked, seconds=WAIT_SECONDS)[0])
        answers.note(call(target, "GET", path, seconds=WAIT_SECONDS)[0])
    return answers


def _pairs(values: list[float]) -> Iterator[tuple[str, float]]:
    space = get_space(SPACE)
    names = space.format(space.enumerate())
    return zip(random.Random(len(values)).sample(names, len(values)), values, strict=True)


def _predict(target: Target, metric: dict[str, Any], answers: Answers) -> None:
    architectures = [get_space(SPACE).example]
    body = {"space": SPACE, "metrics": [metric], "architectures": architectures}
    answers.note(call(target, "POST", "/v1/predict", body, seconds=WAIT_SECONDS)[0])


def _job(target: Target, path: str, body: object, answers: Answers) -> dict[str, Any] | None:
    """Orders a job and waits for its end, which counts as an answer; the job where it succeeded."""
    status, job = call(target, "POST", path, body, seconds=WAIT_SECONDS)
    answers.note(status)
    if status != 202:
        return None
    # The event stream ends with the job.
    call(target, "GET", job["urls"]["events"], seconds=TRAINING_SECONDS)
    _, ended = call(target, "GET", job["urls"]["self"], seconds=WAIT_SECONDS)
    state = ended["state"] if isinstance(ended, dict) else "unknown"
    answers.note(state)
    found: dict[str, Any] = job
    return found if state == "succeeded" else None


ATTACKS: dict[str, Callable[[Target], Answers]] = {
    "extreme measurements": extreme_measurements,
    "extreme labels": extreme_labels,
    "extreme observations": extreme_observations,
}
