"""X13: numbers that are finite and yet no measurement."""

import itertools
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from experiments.reliability import orders
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, Target, call

EXTREME: tuple[tuple[float, ...], ...] = (
    (1.0, 1e308),
    (1e299, 1.0, 2.0),
    (1e-300, 1.0, 2.0),
    (5e-324, 1e-323, 1.0),
    (1.7e308, -1.7e308, 0.0),
    (1.0, 1.0, 1.0),
    (0.0, 0.0, 1.0),
    (-1.0, 1.0, 2.0),
    (1e15, 1.0, 3.0),
    (1e-15, 1.0, 3.0),
    (90.0, 90.0 + 1e-13, 90.0),
    (1e154, 1e154, 1.0),
    (101.0, 50.0, 60.0),
    (2**53, 2**53 + 2, 1.0),
)
KINDS = ("gbdt", "gp", "neural", "auto")
SECRETS = re.compile(r"/[a-z]+/[\w./-]+|\[bt\]|0x[0-9a-f]{6,}|\.py\b|\.so\b")
"""Paths and native addresses, as a reason must never hold."""


def extreme(
    target: Target, jobs: list[str], leaks: list[str], sets: Sequence[tuple[float, ...]] = EXTREME
) -> Answers:
    """Every extreme set as labels, as measurements of a device and as observations of a study.

    Args:
        jobs: gets the ids of the trainings that were accepted.
        leaks: gets what looks like a path or an address in a refusal.
    """
    answers = Answers()
    cells = orders.architectures(12, 3)
    for number, values in enumerate(sets):
        pairs = list(zip(cells, itertools.islice(itertools.cycle(values), 9), strict=False))
        labels = [{"architecture": a, "value": v} for a, v in pairs]
        few = labels[: len(values)]
        sent: list[tuple[str, Any]] = [
            ("/v1/predictors", {**orders.predictor(kind, 2, 0), "observations": labels}) for kind in KINDS
        ]
        sent += [("/v1/devices", {"name": f"odd{number}", "space": orders.SPACE, "measurements": few})]
        for path, body in sent:
            status, answer = call(target, "POST", path, body, seconds=60.0)
            answers.note(status)
            if status == 202:
                jobs.append(answer["id"])
            leaks += SECRETS.findall(answer.get("detail", "")) if isinstance(answer, dict) else []
        metrics = [{"metric": "latency_ms", "device": f"odd{number}"}]
        body = {"space": orders.SPACE, "metrics": metrics, "architectures": cells}
        answers.note(call(target, "POST", "/v1/predict", body)[0])
    return answers


@case(
    "X13",
    "extreme labels and measurements",
    {"accepted-then-failed": ("jobs", "== 0"), "paths-in-reasons": ("reasons", "== 0")},
)
def numbers(stack: str, full: bool) -> Measured:
    """Every set once; what is accepted must then succeed."""
    jobs: list[str] = []
    leaks: list[str] = []
    with serving(stack, workers=2) as served:
        done = drill(served, partial(extreme, jobs=jobs, leaks=leaks))
        ends = [orders.ended(served.target(), job) for job in jobs]
    failed = [end for end in ends if end["state"] != "succeeded"]
    leaking = [end for end in failed if SECRETS.search(str(end.get("reason")))]
    return measured(
        done, accepted_then_failed=float(len(failed)), paths_in_reasons=float(len(leaking) + len(leaks))
    )
