"""The lease reaper: queues the jobs of dead workers again, and sends again what the broker lost."""

import time

import structlog

from store.port import Store
from workers.queue import Publisher

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 2.0
"""A message younger than this may be on its way to the broker or in the hands of a worker about to claim."""


class LeaseReaper:
    """Looks after jobs that nobody else looks after; call :meth:`step` about once a second."""

    def __init__(self, store: Store, publisher: Publisher, lease_seconds: float) -> None:
        self._store, self._publisher, self._lease_seconds = store, publisher, lease_seconds
        self._last_look = time.time()
        self._grace_until = 0.0
        self._suspect = False

    def grant_grace(self) -> None:
        """Lets every lease live for one more period: workers could not renew them while all stood still."""
        self._grace_until = time.monotonic() + self._lease_seconds

    def expire(self) -> list[str]:
        """Takes jobs from workers that fell silent; returns their ids.

        Where this process itself was held up (a frozen machine, a database that did not answer), so were the
        workers: they get one lease period to show themselves before anything is taken.
        """
        now = time.time()
        if abs(now - self._last_look) > self._lease_seconds / 2:
            self.grant_grace()
        self._last_look = now
        if time.monotonic() < self._grace_until:
            return []
        taken = self._store.requeue_expired()
        for job_id in taken:
            log.warning("lease expired", job=job_id)
        return taken

    def recover(self) -> int:
        """Sends messages again when the broker has fewer than there are queued jobs; returns how many.

        The broker is asked first: a job that is queued now was queued then, and its message was either in
        the broker's list or in a worker's hand. Twice in a row means lost. A job in hand that long has a
        stuck worker, and another may well take it. Duplicates end at the claim.
        """
        waiting = self._publisher.length()
        queued = self._store.published(SETTLE_SECONDS)
        suspect, self._suspect = self._suspect, queued > waiting
        if not (suspect and self._suspect):
            return 0
        self._suspect = False
        sent = self._store.republish(SETTLE_SECONDS)
        log.warning("messages lost by the broker are sent again", queued=queued, waiting=waiting, sent=sent)
        return sent
