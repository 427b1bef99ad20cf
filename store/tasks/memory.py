"""Uploaded tasks in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from store.database import strict_json
from store.jobs.job import IdempotencyConflict, NotFound
from store.tasks.port import TaskStore
from store.tasks.task import StoredTask, TaskContent, TaskExists, TooManyTasks, task_digest


class MemoryTasks(TaskStore):
    """The store that it is mixed into brings the lock and the clock."""

    _lock: threading.RLock
    _clock: Callable[[], float]

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], StoredTask] = {}
        self._task_keys: dict[tuple[str, str], StoredTask] = {}
        self._embedded: dict[tuple[str, str, str], TaskContent] = {}

    def put_task(
        self,
        name: str,
        about: TaskContent,
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 100,
    ) -> tuple[StoredTask, bool]:
        with self._lock:
            if idempotency_key is not None and (tenant_id, idempotency_key) in self._task_keys:
                before = self._task_keys[tenant_id, idempotency_key]
                if task_digest(before.name, before.about) != task_digest(name, about):
                    raise IdempotencyConflict("this idempotency key was used with other content")
                return before, False
            known = self._tasks.get((tenant_id, name))
            if known is not None:
                if known.about.content != about.content:
                    raise TaskExists(f"there is another task {name!r}")
                return known, False
            if len(self.tasks(tenant_id=tenant_id)) >= most:
                raise TooManyTasks(f"there are {most} tasks already")
            made = StoredTask(tenant_id, name, about, datetime.fromtimestamp(self._clock(), UTC))
            self._tasks[tenant_id, name] = made
            self._embedded[tenant_id, about.content, about.version] = about
            if idempotency_key is not None:
                self._task_keys[tenant_id, idempotency_key] = made
            return made, True

    def embedded(self, content: str, version: str, *, tenant_id: str = "default") -> TaskContent | None:
        with self._lock:
            return self._embedded.get((tenant_id, content, version))

    def task(self, name: str, *, tenant_id: str = "default") -> StoredTask:
        with self._lock:
            if (tenant_id, name) not in self._tasks:
                raise NotFound(f"no task {strict_json.clean(name, 64)!r}")
            return self._tasks[tenant_id, name]

    def tasks(self, *, tenant_id: str = "default") -> list[StoredTask]:
        with self._lock:
            found = [task for (owner, _), task in self._tasks.items() if owner == tenant_id]
        return sorted(found, key=lambda task: task.name)

    def delete_task(self, name: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            gone = self.task(name, tenant_id=tenant_id)
            del self._tasks[tenant_id, name]
            self._task_keys = {key: task for key, task in self._task_keys.items() if task is not gone}
