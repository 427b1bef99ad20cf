"""Checkpoints of a job: slots that it writes again and again; its events say how far they are."""

import hashlib
from collections.abc import Mapping

import structlog

from store.blobs.blobs import BlobDamaged
from store.blobs.collector import slot_of
from store.jobs.job import StoreError
from workers.handlers import JobContext

log = structlog.get_logger(__name__)

KIND = "checkpoint"


class JobCheckpoints:
    """Keeps the last checkpoint under each key, in the place of the one before.

    A slot is written before its event. A worker that dies between the two leaves a
    checkpoint that is further than its event says; one that has lost its job may write an older one over it.
    Either is a place of the same training, from which it goes on.
    """

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self.unfinished: str | None = None
        """The architecture of the last checkpoint."""
        self._furthest: dict[str, tuple[int, int]] = {}
        for data in context.past(KIND):
            architecture = data.get("architecture")
            self._reaches(str(data.get("key")), data)
            self.unfinished = architecture if isinstance(architecture, str) else None

    def load(self, key: str) -> bytes | None:
        """The last content saved under a key; None where there is none, or it is lost."""
        try:
            return self._context.blobs().read_slot(self._slot(key))
        except BlobDamaged as error:
            log.warning("a checkpoint is lost; its evaluation begins anew", error=str(error))
            return None

    def save(
        self,
        key: str,
        content: bytes,
        progress: Mapping[str, object],
        message: str = "",
        *,
        done: int | None = None,
    ) -> None:
        """Keeps content in the place of what was there, and reports how far the work is, also in words.

        Args:
            done: steps of the job, where this is all that it does.
        """
        self._context.blobs().write_slot(self._slot(key), content)
        self._context.on_event(
            KIND,
            data={"key": key, **progress},
            done=done,
            message=message or None,
            advances=self._reaches(key, progress),
        )

    def drop(self, key: str) -> None:
        """Forgets a key: its evaluation has ended."""
        try:
            self._context.blobs().drop_slot(self._slot(key))
        except StoreError as error:  # it only takes room, until the collector finds the job ended
            log.warning("a checkpoint is not dropped", key=key, error=str(error))

    def _reaches(self, key: str, progress: Mapping[str, object]) -> bool:
        """Whether a checkpoint is further than all before it; one that was lost is trained again."""
        epoch, step = progress.get("epoch"), progress.get("step")
        place = (epoch if isinstance(epoch, int) else 0, step if isinstance(step, int) else 0)
        further = place > self._furthest.get(key, (0, 0))
        if further:
            self._furthest[key] = place
        return further

    def _slot(self, key: str) -> str:
        return slot_of(self._context.job.id, hashlib.sha256(key.encode()).hexdigest()[:32])
