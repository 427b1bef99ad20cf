"""Data sets of tenants on a database: a part of :class:`store.sql.SqlStore`."""

from abc import abstractmethod
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from store.database import strict_json
from store.database.ids import new_id
from store.database.rows import job_of, utc
from store.database.tables import dataset_pieces, datasets, jobs, results
from store.database.transactions import SqlTransactions
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


class SqlDatasets(SqlTransactions, DatasetStore):
    """The statements about data sets; the store that it is mixed into brings the jobs."""

    _submit: Callable[..., tuple[Job, bool]]

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
        own = datasets.c.tenant_id == tenant_id
        with self._write() as connection:
            self._one_at_a_time(connection, f"datasets of {tenant_id}")
            before = connection.execute(select(datasets).where(own, datasets.c.name == name)).one_or_none()
            if before is not None:
                if (before.ending, before.length, before.sha256) != (ending, length, sha256):
                    raise DatasetExists(f"there is another data set {name!r}")
                return self._with_pieces(connection, before), False
            held = select(func.count(), func.coalesce(func.sum(datasets.c.length), 0)).where(own)
            count, total = connection.execute(held).one()
            if count >= most:
                raise NoRoomForDataset(f"there are {most} data sets already")
            if int(total) + length > most_bytes:
                raise NoRoomForDataset(f"all data sets together may have {most_bytes:,} bytes")
            now = self._now(connection)
            connection.execute(
                insert(datasets).values(
                    id=new_id(now),
                    tenant_id=tenant_id,
                    name=name,
                    ending=ending,
                    length=length,
                    received=0,
                    sha256=sha256,
                    created_at=now,
                )
            )
            return self._stored_dataset(connection, name, tenant_id), True

    def add_piece(self, name: str, offset: int, piece: Piece, *, tenant_id: str = "default") -> StoredDataset:
        with self._write() as connection:
            self._one_at_a_time(connection, f"dataset {tenant_id} {name}")
            now = self._stored_dataset(connection, name, tenant_id)
            if offset != now.received or offset + piece.size > now.length or piece.size < 1:
                raise WrongOffset(now.received)
            connection.execute(
                insert(dataset_pieces).values(
                    dataset_id=now.id,
                    number=len(now.pieces) + 1,
                    tenant_id=tenant_id,
                    blob=piece.blob,
                    size=piece.size,
                )
            )
            changed: dict[str, object] = {"received": offset + piece.size}
            if changed["received"] == now.length:
                whole = replace(now, pieces=(*now.pieces, piece))
                job, _ = self._submit(connection, KIND, whole.payload(), tenant_id=tenant_id, total=1)
                changed["job_id"] = job.id
            connection.execute(update(datasets).where(datasets.c.id == now.id).values(**changed))
            return self._stored_dataset(connection, name, tenant_id)

    def dataset(self, name: str, *, tenant_id: str = "default") -> StoredDataset:
        with self._read() as connection:
            return self._stored_dataset(connection, name, tenant_id)

    def datasets(self, *, tenant_id: str = "default") -> list[StoredDataset]:
        with self._read() as connection:
            rows = connection.execute(select(datasets).where(datasets.c.tenant_id == tenant_id)).all()
        # Sorted here: databases differ in how they order text.
        return sorted((_dataset(row, ()) for row in rows), key=lambda dataset: dataset.name)

    def readings(
        self, job_ids: Collection[str], *, tenant_id: str = "default"
    ) -> dict[str, tuple[Job, dict[str, object] | None]]:
        query = select(jobs, results.c.result.label("found")).outerjoin(
            results, results.c.job_id == jobs.c.id
        )
        query = query.where(jobs.c.tenant_id == tenant_id, jobs.c.id.in_(sorted(job_ids)))
        with self._read() as connection:
            rows = connection.execute(query).all()
        return {
            row.id: (job_of(row), None if row.found is None else strict_json.load(row.found)) for row in rows
        }

    def delete_dataset(self, name: str, *, tenant_id: str = "default") -> None:
        with self._write() as connection:
            gone = self._stored_dataset(connection, name, tenant_id)
            connection.execute(delete(dataset_pieces).where(dataset_pieces.c.dataset_id == gone.id))
            connection.execute(delete(datasets).where(datasets.c.id == gone.id))
        if gone.job_id is not None:
            with suppress(IllegalMove, NotFound):
                self.cancel(gone.job_id, tenant_id=tenant_id)

    def _stored_dataset(self, connection: Connection, name: str, tenant_id: str) -> StoredDataset:
        which = select(datasets).where(datasets.c.tenant_id == tenant_id, datasets.c.name == name)
        row = connection.execute(which).one_or_none()
        if row is None:
            raise NotFound(f"no data set {strict_json.clean(name, 64)!r}")
        return self._with_pieces(connection, row)

    @staticmethod
    def _with_pieces(connection: Connection, row: Any) -> StoredDataset:
        query = (
            select(dataset_pieces.c.blob, dataset_pieces.c.size)
            .where(dataset_pieces.c.dataset_id == row.id)
            .order_by(dataset_pieces.c.number)
        )
        return _dataset(row, tuple(Piece(blob, size) for blob, size in connection.execute(query)))


def _dataset(row: Any, pieces: tuple[Piece, ...]) -> StoredDataset:
    return StoredDataset(
        row.id,
        row.tenant_id,
        row.name,
        row.ending,
        row.length,
        row.received,
        row.sha256,
        row.job_id,
        utc(row.created_at),
        pieces,
    )
