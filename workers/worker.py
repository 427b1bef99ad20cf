"""One worker process: a Celery consumer that does one job at a time in its main thread."""

import faulthandler
import os
import platform
import secrets
import warnings
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import structlog
from celery import signals
from celery.apps.worker import Worker
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning

from store.jobs.job import StoreError
from store.jobs.place import ALL, GPU, TRAINING, Takes
from store.port import WORKER, Store
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.queue import make_celery
from workers.tasks import register
from workers.timeouts import Timeouts

if TYPE_CHECKING:
    from benchmarks.tables import Tables
    from store.blobs.blobs import Blobs

log = structlog.get_logger(__name__)

ROLE = WORKER
ANNOUNCE_SECONDS = 10.0
NICE = 5
"""Computing gives way to the process that answers everybody, and to the database."""


class Drain:
    """Whether the process shall stop. A plain flag: it is set in a signal handler."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, **_: object) -> None:
        """Tells the process to stop after the step at hand."""
        self.asked = True


def run_worker(
    store: Store,
    *,
    broker_url: str,
    cache_dir: Path,
    data: Path | None,
    blob_url: str,
    images: Path | None = None,
    timeouts: Timeouts,
    name: str | None = None,
    takes: Takes = ALL,
    gpu: bool = False,
) -> int:
    """Works until SIGTERM; then hands its job back and ends within ``drain_seconds`` and a little.

    Args:
        cache_dir: where benchmark tables are cached.
        data: folder of further benchmark tables.
        blob_url: where weights are kept, see :func:`store.blobs.urls.open_blobs`.
        images: folder of image data sets.
        name: unique among all workers; None: made from host and process.
        takes: the queues of which it takes jobs; one that takes all leaves trainings to workers with a GPU
            while there are any.
        gpu: whether it has one.

    Returns:
        The process's exit status.
    """
    os.nice(NICE)
    name = name or f"{platform.node()}-{os.getpid()}-{secrets.token_hex(2)}"
    app = make_celery(broker_url)
    drain = Drain()

    @cache
    def tables() -> "Tables":
        from benchmarks.tables import Tables

        return Tables(cache_dir, data)

    @cache
    def blobs() -> "Blobs":
        from store.blobs.urls import open_blobs

        return open_blobs(blob_url)

    environment = WorkerEnvironment(
        worker=name,
        tables=tables,
        blobs=blobs,
        timeouts=timeouts,
        draining=lambda: drain.asked,
        leave=partial(_leave, store, name),
        images=images,
        cache_dir=cache_dir,
        takes=partial(taken_now, store, takes, gpu),
    )
    register(app, partial(execute, store, environment=environment))
    signals.worker_shutting_down.connect(drain.ask, weak=False)
    # Celery warns root about pickle, which is switched off, and of a default that will change in version 6.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
    signals.setup_logging.connect(_leave_logs_alone, weak=False)
    with _Presence(store, name, timeouts, [ROLE, *([GPU] if gpu else [])]) as presence:
        signals.worker_ready.connect(presence.begin, weak=False)
        consumer = Worker(
            app=app,
            hostname=f"netwright@{name}",
            pool_cls="solo",
            concurrency=1,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            quiet=True,
            loglevel="INFO",
        )
        consumer.start()
    return int(consumer.exitcode or 0)


def taken_now(store: Store, takes: Takes, gpu: bool) -> Takes:
    """What a worker takes at this moment."""
    if takes.only is None and not gpu and store.roles(GPU):
        return Takes(but=frozenset({TRAINING}))
    return takes


def _leave_logs_alone(**_: object) -> None:
    """With a receiver of this signal Celery sets up no logs of its own."""


class _Presence:
    """Announces the worker in the store while it can take jobs, and watches that Python still runs."""

    def __init__(self, store: Store, name: str, timeouts: Timeouts, roles: Sequence[str]) -> None:
        self._store, self._name, self._timeouts, self._roles = store, name, timeouts, roles
        self._over = Event()
        self._thread = Thread(target=self._announce, name="presence", daemon=True)

    def begin(self, **_: object) -> None:
        """Called when the consumer is ready."""
        if not self._thread.is_alive():
            self._thread.start()

    def __enter__(self) -> "_Presence":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        faulthandler.cancel_dump_traceback_later()
        _withdraw(self._store, self._name, self._roles)

    def _announce(self) -> None:
        while True:
            # Native code that never gives Python its lock back would stop the heartbeat and leave this
            # process stuck for ever. This timer is native too: it ends the process, others take the job.
            faulthandler.dump_traceback_later(3 * self._timeouts.lease_seconds + ANNOUNCE_SECONDS, exit=True)
            try:
                for role in self._roles:
                    self._store.take_role(role + self._name, self._name, ANNOUNCE_SECONDS)
            except StoreError as error:
                log.warning("not announced", error=str(error))
            if self._over.wait(ANNOUNCE_SECONDS / 4):
                return


def _withdraw(store: Store, name: str, roles: Sequence[str] = (ROLE, GPU)) -> None:
    try:
        for role in roles:
            store.drop_role(role + name, name)
    except StoreError as error:
        log.warning("not withdrawn", error=str(error))


def _leave(store: Store, name: str) -> None:
    """Ends the process though its main thread is busy."""
    _withdraw(store, name)
    os._exit(0)
