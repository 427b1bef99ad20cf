"""Declared spaces on a database: a part of :class:`store.sql.SqlStore`."""

from typing import Any

from sqlalchemy import delete, func, select, update

from store import strictjson
from store.job import NotFound
from store.rows import utc
from store.space import SpaceExists, StoredSpace, TooManySpaces
from store.spaces_port import SpaceStore
from store.tables import user_spaces
from store.transactions import SqlTransactions


class SqlSpaces(SqlTransactions, SpaceStore):
    """The statements about spaces."""

    def put_space(
        self, name: str, digest: str, declaration: str, *, tenant_id: str = "default", most: int = 100
    ) -> tuple[StoredSpace, bool]:
        own = user_spaces.c.tenant_id == tenant_id
        with self._write() as connection:
            known = connection.execute(
                select(user_spaces).where(own, user_spaces.c.name == name)
            ).one_or_none()
            if known is not None:
                return _same(_space(known), digest), False
            if connection.execute(select(func.count()).where(own)).scalar_one() >= most:
                raise TooManySpaces(f"there are {most} spaces already")
            made = connection.execute(
                self._insert_or_ignore(user_spaces)
                .values(
                    tenant_id=tenant_id,
                    name=name,
                    digest=digest,
                    declaration=declaration,
                    job_id=None,
                    created_at=self._now(connection),
                )
                .returning(user_spaces.c.name)
            ).first()
        # Another may have been first between the two statements, on a database that lets two write at once.
        return _same(self.space(name, tenant_id=tenant_id), digest), made is not None

    def set_space_job(self, name: str, digest: str, job_id: str, *, tenant_id: str = "default") -> None:
        found = (
            user_spaces.c.tenant_id == tenant_id,
            user_spaces.c.name == name,
            user_spaces.c.digest == digest,
        )
        with self._write() as connection:
            connection.execute(update(user_spaces).where(*found).values(job_id=job_id))

    def space(self, name: str, *, tenant_id: str = "default") -> StoredSpace:
        query = select(user_spaces).where(user_spaces.c.tenant_id == tenant_id, user_spaces.c.name == name)
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no space {strictjson.clean(name, 64)!r}")
        return _space(row)

    def spaces(self, *, tenant_id: str = "default") -> list[StoredSpace]:
        with self._read() as connection:
            rows = connection.execute(select(user_spaces).where(user_spaces.c.tenant_id == tenant_id))
            found = [_space(row) for row in rows]
        # Sorted here: databases differ in how they order text.
        return sorted(found, key=lambda space: space.name)

    def delete_space(self, name: str, *, tenant_id: str = "default") -> None:
        own = (user_spaces.c.tenant_id == tenant_id, user_spaces.c.name == name)
        with self._write() as connection:
            if connection.execute(delete(user_spaces).where(*own)).rowcount == 0:
                raise NotFound(f"no space {strictjson.clean(name, 64)!r}")


def _same(found: StoredSpace, digest: str) -> StoredSpace:
    if found.digest != digest:
        raise SpaceExists(f"there is another space {found.name!r}")
    return found


def _space(row: Any) -> StoredSpace:
    return StoredSpace(row.tenant_id, row.name, row.digest, row.declaration, row.job_id, utc(row.created_at))
