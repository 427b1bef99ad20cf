"""What a worker process has for every job it does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from store.jobs.place import ALL, Takes
from workers.timeouts import Timeouts

if TYPE_CHECKING:
    from benchmarks.tables import Tables
    from store.blobs.blobs import Blobs


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnvironment:
    """One worker and what it works with; the same for all its jobs.

    Args:
        worker: its name, unique among all workers.
        tables: opens measured truth; called when a job first needs it.
        blobs: opens where weights are kept; called when a job first needs it.
        timeouts: of the store and of leases.
        draining: whether the worker shall stop; the job is then handed back after the step at hand.
        leave: ends the process, see :class:`workers.heartbeat.Heartbeat`.
        images: folder of image data sets.
        cache_dir: where what can be made again is kept.
        takes: of which queues; asked before each claim.
    """

    worker: str
    tables: "Callable[[], Tables]"
    blobs: "Callable[[], Blobs]"
    timeouts: Timeouts
    draining: Callable[[], bool]
    leave: Callable[[], None]
    images: Path | None = None
    cache_dir: Path | None = None
    takes: Callable[[], Takes] = lambda: ALL
