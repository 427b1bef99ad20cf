"""Running the collector of blobs now and then; see :mod:`store.blobs.collector` for what it does."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Event
from typing import TYPE_CHECKING

import structlog

from store.blobs.collector import GRACE_SECONDS, collect
from store.port import Store

if TYPE_CHECKING:
    from store.blobs.blobs import Blobs

log = structlog.get_logger(__name__)

FIRST_SECONDS = 60.0
LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Collecting:
    """How the process collects.

    Args:
        blobs: opens the place of blobs; called when it is first needed.
        pause_seconds: between two passes.
        grace_seconds: see :func:`store.blobs.collector.collect`.
    """

    blobs: "Callable[[], Blobs]"
    pause_seconds: float = 3600.0
    grace_seconds: float = GRACE_SECONDS


def collect_until(stop: Event, store: Store, collecting: Collecting, may: Callable[[], bool]) -> None:
    """Passes of the collector until ``stop``, while ``may`` says that this process is the one to do them.

    The first is a minute after the start. A pass that fails is logged, and the next one comes at its time.
    """
    due = time.monotonic() + min(FIRST_SECONDS, collecting.pause_seconds)
    while not stop.wait(min(LOOK_SECONDS, collecting.pause_seconds)):
        if time.monotonic() < due or not may():
            continue
        try:
            done = collect(store, collecting.blobs(), grace_seconds=collecting.grace_seconds)
            log.info("blobs collected", **asdict(done))
        except Exception as error:  # the place of blobs has its own errors; none may end the loop
            log.error("blobs not collected", error=f"{type(error).__name__}: {error}")
        due = time.monotonic() + collecting.pause_seconds
