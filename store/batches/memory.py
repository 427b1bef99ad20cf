"""Batches in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from store.batches.batch import (
    ANSWERED,
    CHILD_EVENT,
    KIND,
    BatchChild,
    BatchItem,
    NothingToRepeat,
    counts_json,
    end_reason,
    ended,
    outcome,
    tally,
)
from store.batches.port import BatchStore
from store.database import strict_json
from store.jobs.job import IllegalMove, Job, JobState, NotFound
from store.jobs.transitions import CANCELLED_BEFORE_START, state_data


@dataclass
class _Member:
    """A child of a batch."""

    job_id: str
    label: str


class MemoryBatches(BatchStore):
    """What is known about batches."""

    _lock: threading.RLock
    _clock: Callable[[], float]
    _entries: dict[str, Any]
    submit: Callable[..., tuple[Job, bool]]
    _owned: Callable[..., Any]
    _append: Callable[..., int]
    _move: Callable[..., Job]

    def __init__(self) -> None:
        self._members: dict[str, list[_Member]] = {}

    def submit_batch(
        self,
        kind: str,
        items: Sequence[BatchItem],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        retry_of: str | None = None,
        taken_over: Mapping[int, str] | None = None,
    ) -> tuple[Job, bool]:
        taken_over = taken_over or {}
        rows = [{"payload": item.payload, "label": item.label} for item in items]
        content = strict_json.digest({"kind": KIND, "of": kind, "items": rows, "retry_of": retry_of})
        with self._lock:
            parent, created = self.submit(
                KIND,
                {"kind": kind},
                tenant_id=tenant_id,
                idempotency_key=idempotency_key,
                total=len(items),
                retry_of=retry_of,
                content=content,
                children=len(items),
            )
            if not created:
                return parent, False
            entry = self._entries[parent.id]
            entry.job = replace(entry.job, done=len(taken_over))
            self._members[parent.id] = [
                _Member(
                    taken_over.get(position)
                    or self.submit(
                        kind, item.payload, tenant_id=tenant_id, total=item.total, parent_id=parent.id
                    )[0].id,
                    strict_json.dump(item.label),
                )
                for position, item in enumerate(items)
            ]
            return replace(entry.job), True

    def retry_batch(self, parent_id: str, *, tenant_id: str = "default") -> tuple[Job, bool]:
        with self._lock:
            parent = self._owned(parent_id, tenant_id).job
            if not parent.children:
                raise NotFound(f"{parent_id} is no batch")
            if not parent.state.terminal:
                raise IllegalMove(f"a {parent.state} batch cannot be repeated")
            members = [
                (self._entries[member.job_id].job, member.label) for member in self._members[parent_id]
            ]
            taken_over = {
                position: job.id for position, (job, _) in enumerate(members) if job.state in ANSWERED
            }
            if len(taken_over) == len(members):
                raise NothingToRepeat("every child of the batch got its answer")
            return self.submit_batch(
                members[0][0].kind,
                [BatchItem(job.payload, job.total, strict_json.load(label)) for job, label in members],
                tenant_id=tenant_id,
                idempotency_key=f"retry of {parent_id}",
                retry_of=parent_id,
                taken_over=taken_over,
            )

    def children(
        self,
        parent_id: str,
        *,
        tenant_id: str = "default",
        after: int = -1,
        limit: int = 20,
        results: bool = True,
    ) -> tuple[list[BatchChild], bool]:
        limit = min(max(limit, 1), 1000)
        with self._lock:
            self._owned(parent_id, tenant_id)
            found = list(enumerate(self._members.get(parent_id, [])))[max(after, -1) + 1 :]
            page = []
            for position, member in found[:limit]:
                entry = self._entries[member.job_id]
                rows = strict_json.load(entry.result) if results and entry.result is not None else None
                job = replace(entry.job, payload=strict_json.load(strict_json.dump(entry.job.payload)))
                page.append(BatchChild(position, strict_json.load(member.label), job, rows))
            return page, len(found) > limit

    @abstractmethod
    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.job`."""

    def _cancel_batch(self, parent_id: str) -> Job:
        parent = self._entries[parent_id]
        if parent.job.state.terminal:
            return self.job(parent_id, tenant_id=parent.job.tenant_id)
        now = self._clock()
        own = [self._entries[member.job_id] for member in self._members[parent_id]]
        own = [entry for entry in own if entry.job.parent_id == parent_id]
        running = [e for e in own if e.job.state is JobState.RUNNING and not e.job.cancel_requested]
        if running and not parent.job.cancel_requested:
            self._append(parent, "state", state_data("cancelling", parent.job.attempt, None), now)
        parent.job = replace(parent.job, cancel_requested=True)
        for entry in running:
            entry.job = replace(entry.job, cancel_requested=True)
            self._append(entry, "state", state_data("cancelling", entry.job.attempt, None), now)
        for entry in own:
            if entry.job.state is JobState.QUEUED:
                self._move(entry, JobState.CANCELLED, now, reason=CANCELLED_BEFORE_START)
        return self.job(parent_id, tenant_id=parent.job.tenant_id)

    def _child_moved(self, child: Job, target: JobState, now: float) -> None:
        """What a child's move means for its batch."""
        assert child.parent_id is not None
        parent = self._entries[child.parent_id]
        if target is JobState.RUNNING and parent.job.state is JobState.QUEUED:
            started = datetime.fromtimestamp(now, UTC)
            parent.job = replace(parent.job, attempt=1, started_at=started)
            self._move(parent, JobState.RUNNING, now)
        if not target.terminal:
            return
        members = self._members[parent.job.id]
        counts = Counter(self._entries[member.job_id].job.state for member in members)
        done, message = ended(counts), tally(counts)
        parent.job = replace(parent.job, done=done, message=message)
        data = {
            "index": [member.job_id for member in members].index(child.id),
            "job": child.id,
            "state": child.state,
            "reason": child.reason,
            "counts": counts_json(counts),
            "progress": {"done": done, "total": parent.job.total, "message": message},
        }
        self._append(parent, CHILD_EVENT, data, now)
        if done < parent.job.total:
            return
        listed = []
        for position, member in enumerate(members):
            job = self._entries[member.job_id].job
            label = strict_json.load(member.label)
            listed.append(
                {"index": position, **label, "id": job.id, "state": job.state, "reason": job.reason}
            )
        parent.result = strict_json.dump({"designs": listed, "counts": counts_json(counts)})
        began = parent.job.state is JobState.RUNNING
        state = outcome(counts, began=began, cancel_requested=parent.job.cancel_requested)
        self._move(parent, state, now, reason=end_reason(counts))
