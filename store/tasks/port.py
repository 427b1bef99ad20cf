"""The part of the store that keeps uploaded tasks; see :class:`store.port.Store` for the rest."""

from abc import ABC, abstractmethod

from store.tasks.task import StoredTask, TaskContent


class TaskStore(ABC):
    """Tasks that tenants have uploaded."""

    @abstractmethod
    def put_task(
        self,
        name: str,
        about: TaskContent,
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        most: int = 100,
    ) -> tuple[StoredTask, bool]:
        """Stores a task; returns it, and whether this call created it.

        The same content under the same name again is what is there already.

        Args:
            idempotency_key: unique for each tenant; the same key with the same name and content gives the
                task that it created before.

        Raises:
            IdempotencyConflict: the key was used with another name or other content.
            TaskExists: the tenant has another task of this name.
            TooManyTasks: the tenant has ``most`` tasks.
        """

    @abstractmethod
    def embedded(self, content: str, version: str, *, tenant_id: str = "default") -> TaskContent | None:
        """What the tenant's content of a digest was found to be; None where it was not embedded yet.

        It is remembered when a task is deleted: designs that were ordered for it name the same embedding.
        """

    @abstractmethod
    def task(self, name: str, *, tenant_id: str = "default") -> StoredTask:
        """The tenant's task of a name.

        Raises:
            NotFound: no such task, or another tenant's.
        """

    @abstractmethod
    def tasks(self, *, tenant_id: str = "default") -> list[StoredTask]:
        """The tenant's tasks, by name."""

    @abstractmethod
    def delete_task(self, name: str, *, tenant_id: str = "default") -> None:
        """Removes a task; what was ordered for it carries its own copy.

        Raises:
            NotFound: no such task, or another tenant's.
        """
