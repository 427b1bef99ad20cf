"""Declared spaces in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from store.database import strict_json
from store.jobs.job import Job, JobState, NotFound
from store.spaces.port import SpaceStore
from store.spaces.space import DECLARATION, KIND, SpaceExists, SpaceSummary, StoredSpace, TooManySpaces


class MemorySpaces(SpaceStore):
    """The store that it is mixed into brings the lock, the clock and the jobs."""

    _lock: threading.RLock
    _clock: Callable[[], float]
    submit: Callable[..., tuple[Job, bool]]

    def __init__(self) -> None:
        self._spaces: dict[tuple[str, str], StoredSpace] = {}
        self._summaries: dict[tuple[str, str], SpaceSummary] = {}

    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.job`."""

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
        with self._lock:
            known = self._spaces.get((tenant_id, name))
            if known is None:
                if len(self.spaces(tenant_id=tenant_id)) >= most:
                    raise TooManySpaces(f"there are {most} spaces already")
                at = datetime.fromtimestamp(self._clock(), UTC)
                stored = StoredSpace(tenant_id, name, digest, declaration, None, at)
            elif known.digest != digest:
                raise SpaceExists(f"there is another space {name!r}")
            else:
                stored = known
            self._spaces[tenant_id, name] = stored = self._with_training(stored)
            if known is None:
                self._summaries[tenant_id, name] = SpaceSummary(name, title, size)
            return stored, known is None

    def _with_training(self, stored: StoredSpace) -> StoredSpace:
        """The space with a job that trains its generator, or has."""
        if stored.job_id is not None:
            state = self.job(stored.job_id, tenant_id=stored.tenant_id).state
            if state is JobState.SUCCEEDED or not state.terminal:
                return stored
        job, _ = self.submit(KIND, {DECLARATION: stored.declaration}, tenant_id=stored.tenant_id)
        return replace(stored, job_id=job.id)

    def replace_space_job(self, before: str, again: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            for place, stored in self._spaces.items():
                if stored.tenant_id == tenant_id and stored.job_id == before:
                    self._spaces[place] = replace(stored, job_id=again)

    def space(self, name: str, *, tenant_id: str = "default") -> StoredSpace:
        with self._lock:
            if (tenant_id, name) not in self._spaces:
                raise NotFound(f"no space {strict_json.clean(name, 64)!r}")
            return self._spaces[tenant_id, name]

    def spaces(self, *, tenant_id: str = "default") -> list[StoredSpace]:
        with self._lock:
            found = [space for (owner, _), space in self._spaces.items() if owner == tenant_id]
        return sorted(found, key=lambda space: space.name)

    def space_summaries(self, *, tenant_id: str = "default") -> list[SpaceSummary]:
        with self._lock:
            found = [summary for (owner, _), summary in self._summaries.items() if owner == tenant_id]
        return sorted(found, key=lambda summary: summary.name)

    def summarize_space(
        self, name: str, digest: str, title: str, size: int, *, tenant_id: str = "default"
    ) -> None:
        with self._lock:
            known = self._spaces.get((tenant_id, name))
            if known is not None and known.digest == digest:
                self._summaries[tenant_id, name] = SpaceSummary(name, title, size)

    def delete_space(self, name: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            gone = self.space(name, tenant_id=tenant_id)
            del self._spaces[tenant_id, name], self._summaries[tenant_id, name]
            if gone.job_id is not None:
                self.cancel(gone.job_id, tenant_id=tenant_id)
