"""Readiness: tries database, blobs and broker instead of assuming them."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio
import anyio.to_thread

from store.jobs.job import StoreError, StoreFull, StoreUnavailable, StoreUnusable

Check = Callable[[], None]
"""Returns where all is well; raises a :class:`store.jobs.job.StoreError`, OSError or what its library
raises."""
OK = "ok"
FRESH_SECONDS = 1.0
"""However often it is asked, nothing is tried more often than this."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found.

    Args:
        checks: by name, ``ok`` or what is wrong, without paths and addresses.
        ready: whether work can be taken.
        workers: how many announce themselves; 0 where that cannot be asked.
    """

    checks: Mapping[str, str]
    ready: bool
    workers: int


class Readiness:
    """Tries what the service needs, and remembers the outcome for a moment.

    Args:
        needed: without these no work can be taken.
        useful: without these work is taken and waits.
        workers: counts those that announce themselves.
    """

    def __init__(
        self, needed: Mapping[str, Check], useful: Mapping[str, Check], workers: Callable[[], int]
    ) -> None:
        self._workers = workers
        self._needed, self._useful = dict(needed), dict(useful)
        self._limiter = anyio.CapacityLimiter(1)
        self._lock = asyncio.Lock()
        self._looked: Looked | None = None
        self._until = 0.0

    async def look(self) -> Looked:
        """The outcome, at most :data:`FRESH_SECONDS` old."""
        async with self._lock:
            if self._looked is None or time.monotonic() > self._until:
                self._looked = await anyio.to_thread.run_sync(self._try_all, limiter=self._limiter)
                self._until = time.monotonic() + FRESH_SECONDS
            return self._looked

    def _try_all(self) -> Looked:
        needed = {name: _tried(check) for name, check in self._needed.items()}
        useful = {name: _tried(check) for name, check in self._useful.items()}
        ready = all(said == OK for said in needed.values())
        try:
            workers = self._workers() if ready else 0
        except StoreError:
            workers = 0
        return Looked({**needed, **useful}, ready, workers)


def _tried(check: Check) -> str:
    try:
        check()
    except StoreFull:
        return "the disk is full"
    except StoreUnusable:
        return "damaged, gone, or cannot be written"
    except (StoreUnavailable, OSError):
        return "does not answer"
    except StoreError as error:
        return type(error).__name__
    except Exception as error:  # a library's own errors
        return f"does not answer ({type(error).__name__})"
    return OK
