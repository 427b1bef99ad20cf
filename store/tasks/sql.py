"""Uploaded tasks on a database: a part of :class:`store.sql.SqlStore`."""

import json
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from store.database import strict_json
from store.database.rows import utc
from store.database.tables import task_embeddings, tasks
from store.database.transactions import SqlTransactions
from store.jobs.job import IdempotencyConflict, NotFound
from store.tasks.port import TaskStore
from store.tasks.task import StoredTask, TaskContent, TaskExists, TooManyTasks, key_digest, task_digest

_JOINED = select(tasks, task_embeddings).join(
    task_embeddings,
    (tasks.c.tenant_id == task_embeddings.c.tenant_id)
    & (tasks.c.content == task_embeddings.c.content)
    & (tasks.c.version == task_embeddings.c.version),
)


class SqlTasks(SqlTransactions, TaskStore):
    """The statements about tasks."""

    def put_task(
        self,
        name: str,
        about: TaskContent,
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 100,
    ) -> tuple[StoredTask, bool]:
        key = None if idempotency_key is None else key_digest(idempotency_key)
        with self._write() as connection:
            self._one_at_a_time(connection, f"tasks of {tenant_id}")
            if (before := self._before(connection, name, about, tenant_id, key)) is not None:
                return before, False
            count = select(func.count()).select_from(tasks).where(tasks.c.tenant_id == tenant_id)
            if connection.execute(count).scalar_one() >= most:
                raise TooManyTasks(f"there are {most} tasks already")
            self._remember(connection, about, tenant_id)
            connection.execute(
                insert(tasks).values(
                    tenant_id=tenant_id,
                    name=name,
                    content=about.content,
                    version=about.version,
                    idempotency_digest=key,
                    created_at=self._now(connection),
                )
            )
            return self._one(connection, name, tenant_id), True

    def embedded(self, content: str, version: str, *, tenant_id: str = "default") -> TaskContent | None:
        query = select(task_embeddings).where(
            task_embeddings.c.tenant_id == tenant_id,
            task_embeddings.c.content == content,
            task_embeddings.c.version == version,
        )
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _about(row)

    def task(self, name: str, *, tenant_id: str = "default") -> StoredTask:
        with self._read() as connection:
            return self._one(connection, name, tenant_id)

    def tasks(self, *, tenant_id: str = "default") -> list[StoredTask]:
        with self._read() as connection:
            found = [_task(row) for row in connection.execute(_JOINED.where(tasks.c.tenant_id == tenant_id))]
        # Sorted here: databases differ in how they order text.
        return sorted(found, key=lambda task: task.name)

    def delete_task(self, name: str, *, tenant_id: str = "default") -> None:
        own = (tasks.c.tenant_id == tenant_id, tasks.c.name == name)
        with self._write() as connection:
            if connection.execute(delete(tasks).where(*own)).rowcount == 0:
                raise _missing(name)

    def _before(
        self, connection: Connection, name: str, about: TaskContent, tenant_id: str, key: str | None
    ) -> StoredTask | None:
        """The task that the same order made before."""
        own = tasks.c.tenant_id == tenant_id
        if key is not None:
            row = connection.execute(_JOINED.where(own, tasks.c.idempotency_digest == key)).one_or_none()
            if row is not None:
                if task_digest(row.name, _about(row)) != task_digest(name, about):
                    raise IdempotencyConflict("this idempotency key was used with other content")
                return _task(row)
        row = connection.execute(_JOINED.where(own, tasks.c.name == name)).one_or_none()
        if row is not None and row.content != about.content:
            raise TaskExists(f"there is another task {name!r}")
        return None if row is None else _task(row)

    def _remember(self, connection: Connection, about: TaskContent, tenant_id: str) -> None:
        """Keeps what an upload was found to be; of what is there already the newest blob counts."""
        own = {"tenant_id": tenant_id, "content": about.content, "version": about.version}
        new = {
            "embedding": about.embedding,
            "source": about.source,
            "classes": json.dumps(about.classes),
            "images": about.images,
            "embedded": about.embedded,
            "left_out": json.dumps(dict(about.left_out)),
        }
        connection.execute(
            self._insert(task_embeddings)
            .values(**own, **new, created_at=self._now(connection))
            .on_conflict_do_update(index_elements=list(own), set_=new)
        )

    def _one(self, connection: Connection, name: str, tenant_id: str) -> StoredTask:
        which = _JOINED.where(tasks.c.tenant_id == tenant_id, tasks.c.name == name)
        row = connection.execute(which).one_or_none()
        if row is None:
            raise _missing(name)
        return _task(row)


def _missing(name: str) -> NotFound:
    return NotFound(f"no task {strict_json.clean(name, 64)!r}")


def _about(row: Any) -> TaskContent:
    return TaskContent(
        row.content,
        row.version,
        row.embedding,
        row.source,
        tuple(json.loads(row.classes)),
        row.images,
        row.embedded,
        tuple(json.loads(row.left_out).items()),
    )


def _task(row: Any) -> StoredTask:
    return StoredTask(row.tenant_id, row.name, _about(row), utc(row.created_at))
