"""X10, X12: text that keeps patterns and parsers busy; bodies that are small to send and large to read."""

import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from urllib.parse import quote

from experiments.reliability import orders
from experiments.reliability.bodies import DECLARATIONS, JSON_BODIES, MOST, send_bodies, send_declarations
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, Target, call

CHARACTERS = 100_000
AT_ONCE = 2
ONCE = 0.01
"""Seconds of sending that are over before the first answer."""


def texts(target: Target, characters: int = CHARACTERS) -> Answers:
    """Long texts in fields that take names, architectures, expressions, paths and headers."""
    answers = Answers()
    for unit in ("|nor_conv_3x3~0|+", "|", "-", "a=1,", "(", "1+", " ", "\\", "a[", "é"):
        text = unit * (characters // len(unit))
        for method, path, body, headers in _requests(text):
            answers.note(call(target, method, path, body, headers)[0])
    return answers


def _requests(text: str) -> list[tuple[str, str, Any, dict[str, str]]]:
    label = [{"architecture": text, "value": 90.0}]
    costs = {"name": "a", "variables": {"a": [1, 2]}, "costs": {"params_m": text}}
    asked = {"space": orders.SPACE, "metrics": [{"metric": "params_m"}], "architectures": [text]}
    key = {"Idempotency-Key": quote(text[:8000])}
    return [
        ("POST", "/v1/spaces", {"declaration": costs}, {}),
        ("POST", "/v1/predict", asked, {}),
        ("POST", "/v1/designs", {**orders.DESIGN, "space": text}, key),
        ("POST", "/v1/predictors", {**orders.predictor("gp", 4, 0), "observations": label}, {}),
        ("POST", "/v1/batches", {"template": orders.DESIGN, "grid": {text[:200]: [text]}}, {}),
        ("GET", "/v1/spaces/" + quote(text[:8000], safe=""), None, {}),
    ]


def in_turn(attacks: Iterable[Callable[[Target], Answers]], slowest: list[float], target: Target) -> Answers:
    """All attacks, a few at the same time; ``slowest`` gets the seconds of each."""
    answers, lock, waiting = Answers(), threading.Lock(), list(attacks)

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                attack = waiting.pop(0)
            begin = time.perf_counter()
            got = attack(target)
            with lock:
                slowest.append(time.perf_counter() - begin)
                answers.update(got)

    threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@case("X10", "hostile text of 100 KB", {"slowest": ("s", "<= 2"), "growth": ("MB", "<= 50")})
def hostile(stack: str, full: bool) -> Measured:
    """Each declaration once, then long texts in every kind of field; 5 s of each in the long form."""
    slowest: list[float] = []
    sends = [partial(send_declarations, text=text, seconds=5.0 if full else ONCE) for text in DECLARATIONS]
    with serving(stack, workers=0) as served:
        texts(served.target(), 100)  # what the first requests load stays
        done = drill(served, partial(in_turn, [*sends, texts], slowest))
    return measured(done, slowest=0.0 if full else max(slowest[:-1]), growth=done.growth_mb)


@case("X12", "JSON bodies of 16 MB", {"growth": ("MB", None)})
def bodies(stack: str, full: bool) -> Measured:
    """Every kind once, two at a time, half to a route that computes, half to one that stores.

    The long form sends each for 10 s.
    """
    seconds = 10.0 if full else ONCE
    paths = ("/v1/predict", "/v1/designs")
    sends = [
        partial(send_bodies, body=body, path=paths[number % 2], size=MOST, seconds=seconds)
        for number, body in enumerate(JSON_BODIES)
    ]
    with serving(stack, workers=0) as served:
        done = drill(served, partial(in_turn, sends, []))
    return measured(done, growth=done.growth_mb)
