"""Declared spaces on a database: a part of :class:`store.sql.SqlStore`."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from store.database import strict_json
from store.database.rows import utc
from store.database.tables import jobs, user_spaces
from store.database.transactions import SqlTransactions
from store.jobs.job import Job, JobState, NotFound
from store.spaces.port import SpaceStore
from store.spaces.space import DECLARATION, KIND, SpaceExists, SpaceSummary, StoredSpace, TooManySpaces


class SqlSpaces(SqlTransactions, SpaceStore):
    """The statements about spaces; the store that it is mixed into brings the jobs."""

    _submit: Callable[..., tuple[Job, bool]]

    @abstractmethod
    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.cancel`."""

    def put_space(
        self,
        name: str,
        digest: str,
        declaration: str,
        *,
        title: str | None = None,
        size: int | None = None,
        tenant_id: str = "default",
        most: int = 100,
    ) -> tuple[StoredSpace, bool]:
        own = user_spaces.c.tenant_id == tenant_id
        which = select(user_spaces).where(own, user_spaces.c.name == name)
        with self._write() as connection:
            self._one_at_a_time(connection, f"spaces of {tenant_id}")
            known = connection.execute(which).one_or_none()
            if known is None:
                count = select(func.count()).select_from(user_spaces).where(own)
                if connection.execute(count).scalar_one() >= most:
                    raise TooManySpaces(f"there are {most} spaces already")
                connection.execute(
                    insert(user_spaces).values(
                        tenant_id=tenant_id,
                        name=name,
                        digest=digest,
                        declaration=declaration,
                        job_id=None,
                        created_at=self._now(connection),
                        title=title,
                        size=None if size is None else str(size),
                    )
                )
            elif known.digest != digest:
                raise SpaceExists(f"there is another space {name!r}")
            self._order_training(connection, connection.execute(which).one())
            return _space(connection.execute(which).one()), known is None

    def _order_training(self, connection: Connection, row: Any) -> None:
        """Submits the job that trains a space's generator, unless one does, or has."""
        state = connection.execute(select(jobs.c.state).where(jobs.c.id == row.job_id)).scalar()
        if state is not None and (state == JobState.SUCCEEDED or not JobState(state).terminal):
            return
        payload = {DECLARATION: row.declaration}
        job, _ = self._submit(connection, KIND, payload, tenant_id=row.tenant_id)
        own = (user_spaces.c.tenant_id == row.tenant_id, user_spaces.c.name == row.name)
        connection.execute(update(user_spaces).where(*own).values(job_id=job.id))

    def replace_space_job(self, before: str, again: str, *, tenant_id: str = "default") -> None:
        which = (user_spaces.c.tenant_id == tenant_id, user_spaces.c.job_id == before)
        with self._write() as connection:
            connection.execute(update(user_spaces).where(*which).values(job_id=again))

    def space(self, name: str, *, tenant_id: str = "default") -> StoredSpace:
        query = select(user_spaces).where(user_spaces.c.tenant_id == tenant_id, user_spaces.c.name == name)
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no space {strict_json.clean(name, 64)!r}")
        return _space(row)

    def spaces(self, *, tenant_id: str = "default") -> list[StoredSpace]:
        with self._read() as connection:
            rows = connection.execute(select(user_spaces).where(user_spaces.c.tenant_id == tenant_id))
            found = [_space(row) for row in rows]
        # Sorted here: databases differ in how they order text.
        return sorted(found, key=lambda space: space.name)

    def space_summaries(self, *, tenant_id: str = "default") -> list[SpaceSummary]:
        columns = (user_spaces.c.name, user_spaces.c.title, user_spaces.c.size)
        with self._read() as connection:
            rows = connection.execute(select(*columns).where(user_spaces.c.tenant_id == tenant_id)).all()
        found = [SpaceSummary(name, title, None if size is None else int(size)) for name, title, size in rows]
        return sorted(found, key=lambda summary: summary.name)

    def summarize_space(
        self, name: str, digest: str, title: str, size: int, *, tenant_id: str = "default"
    ) -> None:
        which = (
            user_spaces.c.tenant_id == tenant_id,
            user_spaces.c.name == name,
            user_spaces.c.digest == digest,
        )
        with self._write() as connection:
            connection.execute(update(user_spaces).where(*which).values(title=title, size=str(size)))

    def delete_space(self, name: str, *, tenant_id: str = "default") -> None:
        own = (user_spaces.c.tenant_id == tenant_id, user_spaces.c.name == name)
        with self._write() as connection:
            self._one_at_a_time(connection, f"spaces of {tenant_id}")
            gone = connection.execute(
                delete(user_spaces).where(*own).returning(user_spaces.c.job_id)
            ).one_or_none()
            if gone is None:
                raise NotFound(f"no space {strict_json.clean(name, 64)!r}")
        if gone.job_id is not None:
            self.cancel(gone.job_id, tenant_id=tenant_id)


def _space(row: Any) -> StoredSpace:
    return StoredSpace(row.tenant_id, row.name, row.digest, row.declaration, row.job_id, utc(row.created_at))
