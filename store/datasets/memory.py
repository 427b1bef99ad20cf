"""Data sets of tenants in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from abc import abstractmethod
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from store.database import strict_json
from store.database.ids import new_id
from store.datasets.dataset import (
    KIND,
    DatasetExists,
    NoRoomForDataset,
    Piece,
    StoredDataset,
    WrongOffset,
)
from store.datasets.port import DatasetStore
from store.jobs.job import IllegalMove, Job, NotFound


class MemoryDatasets(DatasetStore):
    """The store that it is mixed into brings the lock, the clock and the jobs."""

    _lock: threading.RLock
    _clock: Callable[[], float]
    submit: Callable[..., tuple[Job, bool]]

    def __init__(self) -> None:
        self._datasets: dict[tuple[str, str], StoredDataset] = {}

    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.job`."""

    @abstractmethod
    def result(self, job_id: str, *, tenant_id: str = "default") -> dict[str, object] | None:
        """See :meth:`store.port.Store.result`."""

    @abstractmethod
    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.cancel`."""

    def begin_dataset(
        self,
        name: str,
        ending: str,
        length: int,
        *,
        sha256: str | None = None,
        tenant_id: str = "default",
        most: int = 100,
        most_bytes: int = 1 << 40,
    ) -> tuple[StoredDataset, bool]:
        with self._lock:
            known = self._datasets.get((tenant_id, name))
            if known is not None:
                if (known.ending, known.length, known.sha256) != (ending, length, sha256):
                    raise DatasetExists(f"there is another data set {name!r}")
                return known, False
            own = self.datasets(tenant_id=tenant_id)
            if len(own) >= most:
                raise NoRoomForDataset(f"there are {most} data sets already")
            if sum(dataset.length for dataset in own) + length > most_bytes:
                raise NoRoomForDataset(f"all data sets together may have {most_bytes:,} bytes")
            now = self._clock()
            at = datetime.fromtimestamp(now, UTC)
            made = StoredDataset(new_id(now), tenant_id, name, ending, length, 0, sha256, None, at)
            self._datasets[tenant_id, name] = made
            return made, True

    def add_piece(self, name: str, offset: int, piece: Piece, *, tenant_id: str = "default") -> StoredDataset:
        with self._lock:
            now = self.dataset(name, tenant_id=tenant_id)
            if offset != now.received or offset + piece.size > now.length or piece.size < 1:
                raise WrongOffset(now.received)
            after = replace(now, received=offset + piece.size, pieces=(*now.pieces, piece))
            if after.received == after.length:
                job, _ = self.submit(KIND, after.payload(), tenant_id=tenant_id, total=1)
                after = replace(after, job_id=job.id)
            self._datasets[tenant_id, name] = after
            return after

    def dataset(self, name: str, *, tenant_id: str = "default") -> StoredDataset:
        with self._lock:
            if (tenant_id, name) not in self._datasets:
                raise NotFound(f"no data set {strict_json.clean(name, 64)!r}")
            return self._datasets[tenant_id, name]

    def datasets(self, *, tenant_id: str = "default") -> list[StoredDataset]:
        with self._lock:
            found = [each for (owner, _), each in self._datasets.items() if owner == tenant_id]
        return sorted((replace(each, pieces=()) for each in found), key=lambda dataset: dataset.name)

    def readings(
        self, job_ids: Collection[str], *, tenant_id: str = "default"
    ) -> dict[str, tuple[Job, dict[str, object] | None]]:
        found = {}
        for job_id in job_ids:
            with suppress(NotFound):
                job = self.job(job_id, tenant_id=tenant_id)
                found[job_id] = job, self.result(job_id, tenant_id=tenant_id)
        return found

    def delete_dataset(self, name: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            gone = self.dataset(name, tenant_id=tenant_id)
            del self._datasets[tenant_id, name]
            if gone.job_id is not None:
                with suppress(IllegalMove, NotFound):
                    self.cancel(gone.job_id, tenant_id=tenant_id)
