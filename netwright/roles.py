"""What one process of Netwright does, from settings: relay, worker, or the whole embedded stack."""

import signal
from pathlib import Path
from threading import Event, Thread

from netwright.settings import Settings
from store.blobs.blobs import Blobs
from store.blobs.urls import open_blobs
from store.jobs.place import Takes
from store.sql import SqlStore
from workers.collect_blobs import Collecting
from workers.relay import Pace, run_relay
from workers.stack import Stack, StackOptions
from workers.timeouts import Timeouts, until_reachable
from workers.worker import run_worker

START_SECONDS = 60.0


class BrokerMissing(ValueError):
    """A relay or worker was started without a broker; set ``NETWRIGHT_BROKER_URL`` and start it again."""


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT (Ctrl-C) set from now on; wait for it with a timeout, in a loop."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # In a thread: the signal may arrive while this one is inside the event, holding its lock.
        signal.signal(number, lambda *_: Thread(target=stop.set).start())
    return stop


def relay(settings: Settings) -> int:
    """The relay and reaper process, until SIGTERM or SIGINT; returns its exit status.

    Raises:
        BrokerMissing: no broker is set.
    """
    stop = stop_on_signals()
    store = _ready_store(settings)
    try:
        run_relay(
            store,
            broker_url=_broker(settings),
            pace=Pace(settings.lease_seconds, settings.relay_poll_seconds, settings.reaper_poll_seconds),
            stop=stop,
            name=settings.process_name,
            collecting=_collecting(settings),
        )
    finally:
        store.close()
    return 0


def worker(settings: Settings) -> int:
    """One worker process, until SIGTERM; returns its exit status.

    Raises:
        BrokerMissing: no broker is set.
        NoDevice: torch does not have the device that is set.
    """
    gpu = settings.device != "cpu" and _use_gpu(settings.device)  # the CPU needs no torch before a job
    store = _ready_store(settings)
    try:
        return run_worker(
            store,
            broker_url=_broker(settings),
            cache_dir=settings.cache_dir,
            data=settings.data,
            blob_url=settings.blob_folder_url,
            images=settings.images,
            timeouts=Timeouts(
                lease_seconds=settings.lease_seconds,
                stall_seconds=settings.stall_seconds,
                drain_seconds=settings.drain_seconds,
                cancel_seconds=settings.cancel_seconds,
            ),
            name=settings.process_name,
            takes=Takes.read(settings.queues),
            gpu=gpu,
        )
    finally:
        store.close()


def stack(settings: Settings, *, api: bool = True, log_dir: Path | None = None) -> Stack:
    """The stack that these settings describe, not started yet.

    Args:
        api: whether an API process belongs to it.
        log_dir: folder for the children's output; None: they share our stderr.
    """
    return Stack(
        StackOptions(
            data_dir=settings.data_dir,
            database_url=settings.database_url,
            broker_url=settings.broker_url,
            host=settings.host,
            port=settings.port,
            workers=settings.workers,
            api=api,
            environment=settings.environment(),
            log_dir=log_dir,
        )
    )


def _use_gpu(name: str) -> bool:
    """Lets generators and trainings use a device; whether it is a GPU.

    Raises:
        NoDevice: torch does not have it; ``auto`` then means the CPU.
    """
    if name == "auto" and not any(Path("/dev").glob("nvidia[0-9]*")):
        return False
    from generator.device import use_device as generate_on
    from networks.training.device import use_device as train_on

    if name != "auto":
        generate_on(name)
    return train_on("cuda" if name == "auto" else name).type == "cuda"


def _collecting(settings: Settings) -> Collecting | None:
    if not settings.collect_seconds:
        return None

    def blobs() -> Blobs:
        return open_blobs(settings.blob_folder_url)

    return Collecting(blobs, settings.collect_seconds, settings.blob_grace_seconds)


def _ready_store(settings: Settings) -> SqlStore:
    """The store, its tables brought to this version; a database that is still starting is waited for."""
    store = SqlStore(settings.store_url)
    try:
        until_reachable(store.migrate, START_SECONDS)
    except BaseException:
        store.close()
        raise
    return store


def _broker(settings: Settings) -> str:
    if not settings.broker_url:
        raise BrokerMissing("no broker: set NETWRIGHT_BROKER_URL, or use `netwright serve`, which starts one")
    return settings.broker_url
