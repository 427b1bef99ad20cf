"""X13: finite numbers that are no plausible measurement."""

import re
from collections.abc import Mapping

from experiments.reliability import numbers
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import Served, serving
from experiments.reliability.target import Answers, Target, call

LEAK = re.compile(r"/[a-z]+/[\w./-]+|\[bt\]|0x[0-9a-f]{6,}|\.py\b|\.so\b")
"""Paths and native addresses, as a reason must never hold."""
Sets = Mapping[str, list[float]]


def extreme(target: Target, sets: Sets = numbers.EXTREME, kinds: tuple[str, ...] = ("gp",)) -> Answers:
    """Every set as measurements of a device, as observations of a study and as labels of each kind."""
    answers = numbers.extreme_measurements(target, dict(sets))
    answers.update(numbers.extreme_observations(target, dict(sets)))
    for kind in kinds:
        answers.update(numbers.extreme_labels(target, dict(sets), kind))
    return answers


def leaks(served: Served) -> list[str]:
    """What looks like a path or an address in the reason of any job."""
    found, after = [], ""
    while True:
        _, page = call(served.target(), "GET", f"/v1/jobs?limit=100{after}")
        found += [text for job in page["jobs"] for text in LEAK.findall(job["reason"] or "")]
        if not page["has_more"]:
            return found
        after = f"&after={page['jobs'][-1]['id']}"


@case(
    "X13",
    "extreme labels, measurements and observations",
    {"accepted-then-failed": ("jobs", "== 0"), "paths-in-reasons": ("reasons", "== 0")},
)
def extremes(stack: str, full: bool) -> Measured:
    """Every set once, labels for gp; for every kind in the long form. What is accepted must then succeed."""
    kinds = ("gp", "gbdt", "neural", "auto") if full else ("gp",)
    with serving(stack, workers=2) as served:
        done = drill(served, lambda target: extreme(target, kinds=kinds))
        leaked = leaks(served)
    failed = float(done.answers.get("failed", 0))
    return measured(done, accepted_then_failed=failed, paths_in_reasons=float(len(leaked)))
