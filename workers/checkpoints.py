"""Checkpoints of a job: blobs, whose names stand in the job's own events."""

from collections.abc import Mapping

import structlog

from store.blobs import BlobDamaged, BlobNotFound
from store.job import StoreError
from workers.handlers import JobContext

log = structlog.get_logger(__name__)

KIND = "checkpoint"
HEADER = 64


class JobCheckpoints:
    """Keeps the last checkpoint under each key; the one before goes as soon as the new one is recorded.

    The job's id stands before each content, so that no other job has a blob of the same name and deleting
    it takes nothing from anybody.
    """

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._header = context.job.id.encode().ljust(HEADER)[:HEADER]
        self._names: dict[str, str] = {}
        self.unfinished: str | None = None
        """The architecture of the last checkpoint."""
        before: dict[str, str] = {}
        for data in context.past(KIND):
            key, name = data.get("key"), data.get("blob")
            architecture = data.get("architecture")
            self.unfinished = architecture if isinstance(architecture, str) else None
            if isinstance(key, str) and isinstance(name, str):
                before[key] = self._names.get(key, name)
                self._names[key] = name
        for key, name in before.items():  # a worker may have died between recording one and deleting another
            if name != self._names[key]:
                self._delete(name)

    def load(self, key: str) -> bytes | None:
        """The last content saved under a key; None where there is none, or it is lost."""
        if key not in self._names:
            return None
        try:
            return self._context.blobs().get(self._names[key])[HEADER:]
        except (BlobNotFound, BlobDamaged) as error:
            log.warning("a checkpoint is lost; its evaluation begins anew", error=str(error))
            return None

    def save(self, key: str, content: bytes, progress: Mapping[str, object]) -> None:
        """Keeps content in the place of what was there, and tells how far the work is."""
        name = self._context.blobs().put(self._header + content)
        self._context.on_event(KIND, data={"key": key, "blob": name, **progress})
        before = self._names.get(key)
        self._names[key] = name
        if before is not None and before != name:
            self._delete(before)

    def drop(self, key: str) -> None:
        """Forgets a key: its evaluation has ended."""
        if (name := self._names.pop(key, None)) is not None:
            self._delete(name)

    def _delete(self, name: str) -> None:
        try:
            self._context.blobs().delete(name)
        except StoreError as error:  # it only takes room
            log.warning("a checkpoint is not deleted", blob=name, error=str(error))
