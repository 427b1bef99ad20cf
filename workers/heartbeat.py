"""The thread beside a running job: renews its lease, hears of cancelling, and ends what does not end."""

import time
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

import structlog

from store.jobs.job import JobState, Lease, LeaseLost, StoreUnavailable
from store.port import Store
from workers.timeouts import Timeouts

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 1.0
"""Seconds between two heartbeats at most: how long a cancel may go unheard."""


class Heartbeat:
    """Keeps a lease while a ``with`` block runs.

    Args:
        draining: whether the worker process shall stop.
        leave: ends this process at once; called when the handler cannot be stopped otherwise. The job has
            been handed back or failed by then.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        timeouts: Timeouts,
        draining: Callable[[], bool],
        leave: Callable[[], None],
    ) -> None:
        self._store, self._lease, self._timeouts = store, lease, timeouts
        self._draining, self._leave = draining, leave
        self._over = Event()
        self._sign_of_life = time.monotonic()
        self._stop_asked: float | None = None
        self._thread = Thread(target=self._beat, name=f"heartbeat {lease.job_id}", daemon=True)
        self.cancelled = False
        self.lost = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def should_stop(self) -> bool:
        """Whether the handler should stop: cancelled, lease lost, or the worker shall stop."""
        self.alive()
        return self.cancelled or self.lost or self._draining()

    def alive(self) -> None:
        """Notes that the handler makes progress."""
        self._sign_of_life = time.monotonic()

    def _beat(self) -> None:
        pause = min(self._timeouts.lease_seconds / 3, LONGEST_PAUSE)
        while not self._over.wait(pause):
            try:
                self.cancelled |= self._store.renew(self._lease, self._timeouts.lease_seconds)
                self._end_what_does_not_end()
            except LeaseLost:
                self.lost = True
                if not self._over.wait(pause):  # else the job was finished at this very moment
                    log.warning("lease lost", job=self._lease.job_id, attempt=self._lease.attempt)
                return
            except StoreUnavailable as error:
                log.warning("lease not renewed", job=self._lease.job_id, error=str(error))
            except Exception:  # whatever it is, the next beat may go through
                log.exception("heartbeat failed", job=self._lease.job_id)

    def _end_what_does_not_end(self) -> None:
        now = time.monotonic()
        silent = now - self._sign_of_life
        if silent > self._timeouts.stall_seconds:
            reason = f"stalled: no sign of progress for {silent:.0f} s"
            log.error(reason, job=self._lease.job_id)
            self._store.finish(self._lease, JobState.FAILED, reason=reason)
            self._leave()
        if self._draining() or self.cancelled:
            self._stop_asked = self._stop_asked or now
            limit = self._timeouts.cancel_seconds if self.cancelled else self._timeouts.drain_seconds
            if now - self._stop_asked > limit:
                job = self._store.hand_back(self._lease)
                log.warning("left in mid-step", job=job.id, state=job.state.value)
                self._leave()
