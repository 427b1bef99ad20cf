"""The relay and reaper process: outbox → broker, one holder of the role at a time; it collects blobs too.

Several loops, so that a broker or a place of blobs that does not answer never keeps an expired lease waiting.
"""

import os
import platform
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

import structlog

from store.jobs.job import StoreError
from store.port import Store
from workers.collect_blobs import Collecting, collect_until
from workers.lease_reaper import LeaseReaper
from workers.queue import Publisher, make_celery

log = structlog.get_logger(__name__)

ROLE = "relay"
ROLE_SECONDS = 3.0
BATCH = 200
LONGEST_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the loops look.

    Args:
        lease_seconds: the workers' lease period.
        relay_seconds: pause between two looks at an empty outbox.
        reaper_seconds: pause between two looks for expired leases and lost messages.
    """

    lease_seconds: float = 30.0
    relay_seconds: float = 0.05
    reaper_seconds: float = 1.0


def relay_batch(store: Store, publisher: Publisher) -> int:
    """Publishes what the outbox holds, oldest first; returns how many messages.

    A message is noted as published only after the broker has it: a crash between the two repeats it.

    Raises:
        StoreError, or the broker's errors: what was published is noted if it can be; the rest waits.
    """
    rows = store.unpublished(BATCH)
    sent: list[int] = []
    try:
        for row in rows:
            publisher.publish(row.job_id)
            sent.append(row.id)
    finally:
        store.mark_published(sent)
    return len(sent)


def run_relay(
    store: Store,
    *,
    broker_url: str,
    pace: Pace,
    stop: Event,
    name: str | None = None,
    collecting: Collecting | None = None,
) -> None:
    """Relays, keeps and collects until ``stop``; stands by while another process holds the role.

    Args:
        collecting: of blobs; None: it does not.
        name: unique among all relays, the same again after a restart; None: made from host and process.
    """
    holder = name or f"{platform.node()}-{os.getpid()}-{secrets.token_hex(2)}"
    app = make_celery(broker_url)
    holds = _Role(store, holder)
    relay_publisher, reaper_publisher = Publisher(app), Publisher(app)
    reaper = LeaseReaper(store, reaper_publisher, pace.lease_seconds)

    def relay() -> bool:
        return holds() and relay_batch(store, relay_publisher) > 0

    def expire() -> bool:
        # The role is kept by this loop, which never waits for the broker.
        if holds.take():
            reaper.expire()
        return False

    def recover() -> bool:
        if holds():
            reaper.recover()
        return False

    loops = [
        Thread(target=_loop, args=("relay", relay, pace.relay_seconds, stop, _nothing), daemon=True),
        Thread(target=_loop, args=("recover", recover, pace.reaper_seconds, stop, _nothing), daemon=True),
    ]
    if collecting is not None:
        # Not joined: a pass may be reading for longer than the process has to end. It may stop anywhere.
        Thread(
            target=collect_until, args=(stop, store, collecting, holds), name="collect", daemon=True
        ).start()
    for loop in loops:
        loop.start()
    log.info("relay started", holder=holder)
    _loop("expire", expire, min(pace.reaper_seconds, ROLE_SECONDS / 5), stop, reaper.grant_grace)
    for loop in loops:
        loop.join(timeout=10)
    relay_publisher.close()
    reaper_publisher.close()
    holds.drop()


class _Role:
    """The right to relay, held for a short time and taken again and again."""

    def __init__(self, store: Store, holder: str) -> None:
        self._store, self._holder, self._until = store, holder, 0.0

    def __call__(self) -> bool:
        return time.monotonic() < self._until

    def take(self) -> bool:
        asked_at = time.monotonic()
        took = self._store.take_role(ROLE, self._holder, ROLE_SECONDS)
        self._until = asked_at + ROLE_SECONDS if took else 0.0
        return took

    def drop(self) -> None:
        try:
            self._store.drop_role(ROLE, self._holder)
        except StoreError as error:
            log.warning("role not given up", error=str(error))


def _nothing() -> None:
    pass


def _loop(
    name: str, step: Callable[[], bool], pause: float, stop: Event, after_error: Callable[[], None]
) -> None:
    """Repeats a step: at once while it had something to do, after a pause else, more slowly after errors."""
    failures = 0
    while not stop.is_set():
        try:
            busy = step()
            failures = 0
        except Exception as error:  # the broker's library has its own errors; none may end the loop
            busy = False
            failures += 1
            after_error()
            log.warning(
                f"{name} failed; trying again", error=f"{type(error).__name__}: {error}", times=failures
            )
        if not busy:
            stop.wait(min(pause * 2**failures, LONGEST_PAUSE) if failures else pause)
