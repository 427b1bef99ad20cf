"""Time-outs of a worker, and the retry deadline of a database that cannot be reached."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog

from store.jobs.job import StoreUnavailable

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a worker waits for what.

    Args:
        lease_seconds: after this long without a heartbeat, others may take the job.
        stall_seconds: after this long without a sign of progress, the job is failed.
        drain_seconds: how long the step at hand may take once the worker shall stop.
        cancel_seconds: how long it may take once the job is cancelled.
        store_seconds: how long to try again while the database cannot be reached.
    """

    lease_seconds: float = 30.0
    stall_seconds: float = 900.0
    drain_seconds: float = 8.0
    cancel_seconds: float = 3.0
    store_seconds: float = 120.0


def until_reachable(call: Callable[[], T], seconds: float) -> T:
    """Repeats a call of the store while the database cannot be reached.

    Raises:
        StoreUnavailable: still, after that many seconds.
    """
    deadline = time.monotonic() + seconds
    pause = 0.05
    while True:
        try:
            return call()
        except StoreUnavailable as error:
            if time.monotonic() + pause > deadline:
                raise
            log.warning("the database cannot be reached; trying again", error=str(error))
        time.sleep(pause)
        pause = min(pause * 2, 2.0)
