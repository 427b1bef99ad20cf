"""F16: every kind of write, four times at once."""

import time
from collections.abc import Callable
from functools import partial

from experiments.reliability import races
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import Served, serving
from experiments.reliability.target import Answers, Target
from store.blobs.urls import open_blobs
from store.sql import SqlStore

TRAINED_SECONDS = 180.0


def until(holds: Callable[[], bool]) -> None:
    """Returns once a condition holds.

    Raises:
        RuntimeError: it did not for three minutes.
    """
    deadline = time.monotonic() + TRAINED_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("the predictor was not trained in time")
        time.sleep(0.2)


def equal_writes(target: Target, rounds: range, predictor: str, faults: list[str]) -> Answers:
    """Every race in every round; ``faults`` gets what was wrong."""
    answers = Answers()
    for number in rounds:
        for race in (races.observing(predictor), *races.RACES.values()):
            raced = race(target, number)
            answers.update(raced.answers)
            faults += raced.faults
    return answers


def lost(served: Served) -> list[str]:
    """Blobs that rows name and that are not there."""
    store = SqlStore(served.database_url)
    try:
        return races.lost_blobs(store, open_blobs((served.data / "blobs").as_uri()))
    finally:
        store.close()


@case(
    "F16", "every write four times at once", {"faults": ("of all", "== 0"), "blobs-lost": ("blobs", "== 0")}
)
def equal(stack: str, full: bool) -> Measured:
    """100 rounds; the short form has 4."""
    faults: list[str] = []
    with serving(stack) as served:
        predictor = races.trained_predictor(served.target(), until)
        rounds = range(100 if full else 4)
        done = drill(served, partial(equal_writes, rounds=rounds, predictor=predictor, faults=faults))
        gone = lost(served)
    found = measured(done, faults=float(len(faults)), blobs_lost=float(len(gone)))
    return Measured(found.figures, "; ".join([found.got, *faults[:3]]))
