"""The store in memory: for tests and for one process that needs nothing to outlive it.

It implements the port in the simplest way; the database adapters are tested against it.
"""

import copy
import math
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from spaces.metric import Observation
from store.batches.memory import MemoryBatches
from store.blobs.references_port import names_in
from store.database import strict_json
from store.database.ids import Named, is_id, new_id, span_of
from store.datasets.memory import MemoryDatasets
from store.devices.memory import MemoryDevices
from store.evaluations.memory import MemoryEvaluations
from store.external.memory import MemoryExternal
from store.jobs.fair_share import Front
from store.jobs.job import (
    Event,
    IdempotencyConflict,
    IllegalMove,
    Job,
    JobState,
    Lease,
    LeaseLost,
    NotFound,
    OutboxRow,
    check_move,
)
from store.jobs.place import ALL, Place, Takes, place_of
from store.jobs.transitions import (
    CANCELLED_BEFORE_START,
    CANCELLED_WHILE_RUNNING,
    HANDED_BACK,
    after_expiry,
    state_data,
)
from store.networks.memory import MemoryNetworks
from store.networks.network import KIND as NETWORK
from store.networks.network import TrainedNetwork
from store.port import Store
from store.predictors.memory import MemoryPredictors
from store.predictors.predictor import KIND as PREDICTOR
from store.predictors.predictor import TrainedVersion
from store.spaces.memory import MemorySpaces
from store.spaces.space import KIND as SPACE
from store.studies.memory import MemoryStudies
from store.tasks.memory import MemoryTasks


@dataclass
class _Entry:
    """A job and all that belongs to it."""

    job: Job
    digest: str
    events: list[Event] = field(default_factory=list)
    observations: dict[tuple[str, str], Observation] = field(default_factory=dict)
    result: str | None = None
    token: str | None = None
    worker: str = ""
    lease_until: float = 0.0


@dataclass
class _Message:
    """A queued job's outbox row."""

    job_id: str
    tenant_id: str
    lane: str
    turn: int
    lane_turn: int
    place: Place
    published_at: float | None = None


class MemoryStore(
    MemoryBatches,
    MemoryDatasets,
    MemoryDevices,
    MemoryPredictors,
    MemoryNetworks,
    MemoryStudies,
    MemorySpaces,
    MemoryTasks,
    MemoryEvaluations,
    MemoryExternal,
    Store,
):
    """The store in memory.

    Args:
        clock: gives Unix seconds; tests pass their own.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        MemoryBatches.__init__(self)
        MemoryDatasets.__init__(self)
        MemoryDevices.__init__(self)
        MemoryPredictors.__init__(self)
        MemoryNetworks.__init__(self)
        MemoryStudies.__init__(self)
        MemorySpaces.__init__(self)
        MemoryTasks.__init__(self)
        MemoryEvaluations.__init__(self)
        MemoryExternal.__init__(self)
        self._clock = clock
        self._lock = threading.RLock()
        self._identity = secrets.token_hex(16)
        self._entries: dict[str, _Entry] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._outbox: dict[int, _Message] = {}
        self._last_outbox = 0
        self._roles: dict[str, tuple[str, float]] = {}

    # what a client does
    def submit(
        self,
        kind: str,
        payload: Mapping[str, object],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        total: int = 0,
        retry_of: str | None = None,
        content: str | None = None,
        parent_id: str | None = None,
        children: int = 0,
    ) -> tuple[Job, bool]:
        content = content or strict_json.digest({"kind": kind, "payload": payload, "retry_of": retry_of})
        with self._lock:
            if retry_of is not None:
                self._owned(retry_of, tenant_id)
            if idempotency_key is not None and (tenant_id, idempotency_key) in self._keys:
                before = self._entries[self._keys[tenant_id, idempotency_key]]
                if before.digest != content:
                    raise IdempotencyConflict("this idempotency key was used with other content")
                return _copy(before.job), False
            now = self._clock()
            job = Job(
                id=new_id(now),
                tenant_id=tenant_id,
                kind=kind,
                state=JobState.QUEUED,
                attempt=0,
                payload=strict_json.load(strict_json.dump(payload)),
                done=0,
                total=total,
                message="",
                reason=None,
                created_at=datetime.fromtimestamp(now, UTC),
                started_at=None,
                finished_at=None,
                cancel_requested=False,
                retry_of=retry_of,
                parent_id=parent_id,
                children=children,
            )
            entry = self._entries[job.id] = _Entry(job, content)
            if idempotency_key is not None:
                self._keys[tenant_id, idempotency_key] = job.id
            self._append(entry, "state", state_data("queued", 0, None), now)
            if children:
                entry.lease_until = math.inf  # no worker has it, so none can lose it
            else:
                self._enqueue(job)
            return _copy(job), True

    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        with self._lock:
            return _copy(self._owned(job_id, tenant_id).job)

    def ids_beginning(
        self, what: Named, beginning: str, *, tenant_id: str = "default", limit: int = 5
    ) -> list[str]:
        if span_of(beginning) is None:
            return []
        with self._lock:
            owners = {
                "job": {job_id: entry.job.tenant_id for job_id, entry in self._entries.items()},
                "predictor": {found: kept.tenant_id for found, kept in self._trained.items()},
                "network": {found: kept.tenant_id for found, kept in self._networks.items()},
                "study": {found: kept.study.tenant_id for found, kept in self._studies.items()},
            }
        found = (
            name for name, owner in owners[what].items() if owner == tenant_id and name.startswith(beginning)
        )
        return sorted(found, reverse=True)[:limit]

    def jobs(
        self,
        *,
        tenant_id: str = "default",
        after: str | None = None,
        limit: int = 20,
        state: JobState | None = None,
        parent_id: str | None = None,
    ) -> tuple[list[Job], bool]:
        if after is not None and not is_id(after):
            raise NotFound("the cursor is not a job's id")
        limit = min(max(limit, 1), 100)
        with self._lock:
            page = [
                _copy(entry.job)
                for job_id, entry in sorted(self._entries.items(), reverse=True)
                if entry.job.tenant_id == tenant_id
                and entry.job.parent_id == parent_id
                and (after is None or job_id < after)
                and (state is None or entry.job.state is state)
            ]
        return page[:limit], len(page) > limit

    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        with self._lock:
            entry = self._owned(job_id, tenant_id)
            if entry.job.children:
                return self._cancel_batch(job_id)
            now = self._clock()
            if entry.job.state is JobState.QUEUED:
                return self._move(entry, JobState.CANCELLED, now, reason=CANCELLED_BEFORE_START)
            if entry.job.state is JobState.RUNNING and not entry.job.cancel_requested:
                entry.job = replace(entry.job, cancel_requested=True)
                self._append(entry, "state", state_data("cancelling", entry.job.attempt, None), now)
            return _copy(entry.job)

    def events(
        self, job_id: str, *, tenant_id: str = "default", after: int = 0, limit: int = 500
    ) -> list[Event]:
        with self._lock:
            found = [event for event in self._owned(job_id, tenant_id).events if event.id > after]
            return copy.deepcopy(found[: max(limit, 1)])

    def last_events(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        with self._lock:
            entries = {key: self._entries.get(key[1]) for key in keys}
            return {
                key: len(entry.events)
                for key, entry in entries.items()
                if entry is not None and entry.job.tenant_id == key[0]
            }

    def result(self, job_id: str, *, tenant_id: str = "default") -> dict[str, object] | None:
        with self._lock:
            text = self._owned(job_id, tenant_id).result
        return None if text is None else strict_json.load(text)

    # what a worker does
    def claim(self, job_id: str, *, worker: str, lease_seconds: float) -> Lease | None:
        with self._lock:
            entry = self._entries.get(job_id)
            if entry is None or entry.job.state is not JobState.QUEUED or entry.job.children:
                return None
            now = self._clock()
            lease = Lease(job_id, secrets.token_hex(16), worker, entry.job.attempt + 1)
            entry.token, entry.worker, entry.lease_until = lease.token, worker, now + lease_seconds
            entry.job = replace(
                entry.job,
                attempt=lease.attempt,
                attempts_without_progress=entry.job.attempts_without_progress + 1,
                started_at=datetime.fromtimestamp(now, UTC),
            )
            self._move(entry, JobState.RUNNING, now)
            return lease

    def claim_next(
        self, job_id: str, *, worker: str, lease_seconds: float, takes: Takes = ALL
    ) -> Lease | None:
        with self._lock:
            taken = [item for item in self._outbox.items() if item[1].place.queue in takes]
            if not taken:
                self._leave(job_id)
                return None
            first = min(taken, key=lambda item: (item[1].turn, item[0]))[1]
            mine = [item for item in taken if item[1].tenant_id == first.tenant_id]
            chosen = min(mine, key=_turn_within)[1]
            first.turn, chosen.turn = chosen.turn, first.turn
            lease = self.claim(chosen.job_id, worker=worker, lease_seconds=lease_seconds)
            if chosen.published_at is None and chosen.job_id != job_id:
                self._send_again(job_id)
            return lease

    def leased(self, lease: Lease) -> Job:
        with self._lock:
            return _copy(self._fenced(lease).job)

    def renew(self, lease: Lease, lease_seconds: float) -> bool:
        with self._lock:
            entry = self._fenced(lease)
            entry.lease_until = self._clock() + lease_seconds
            return entry.job.cancel_requested

    def record(
        self,
        lease: Lease,
        *,
        kind: str,
        data: Mapping[str, object],
        done: int | None = None,
        total: int | None = None,
        message: str | None = None,
        observations: Sequence[Observation] = (),
        advances: bool = False,
    ) -> int:
        with self._lock:
            entry = self._fenced(lease)
            for observation in observations:
                strict_json.check_observation(observation)
            job = replace(
                entry.job,
                done=entry.job.done if done is None else done,
                total=entry.job.total if total is None else total,
                message=entry.job.message if message is None else strict_json.clean(message),
            )
            progress = {"done": job.done, "total": job.total, "message": job.message}
            number = self._append(entry, kind, {**data, "progress": progress}, self._clock())
            for observation in observations:
                key = (observation.architecture, observation.fidelity)
                advances |= key not in entry.observations
                entry.observations.setdefault(key, copy.deepcopy(observation))
            entry.job = replace(job, attempts_without_progress=0) if advances else job
            return number

    def finish(
        self,
        lease: Lease,
        state: JobState,
        *,
        result: Mapping[str, object] | None = None,
        reason: str | None = None,
        trained: TrainedVersion | TrainedNetwork | None = None,
    ) -> Job:
        if not state.terminal:
            raise IllegalMove(f"a job cannot finish as {state}")
        with self._lock:
            entry = self._entries.get(lease.job_id)
            if entry is not None and entry.token == lease.token and entry.job.state is state:
                return _copy(entry.job)  # the answer to an earlier, identical call was lost
            entry = self._fenced(lease)
            if result is not None:
                entry.result = strict_json.dump(result)
            if isinstance(trained, TrainedNetwork):
                self._keep_network(trained, entry.job.tenant_id)
            elif trained is not None:
                self._keep(trained, entry.job.tenant_id)
            return self._move(entry, state, self._clock(), reason=reason)

    def hand_back(self, lease: Lease) -> Job:
        with self._lock:
            entry = self._fenced(lease)
            now = self._clock()
            if entry.job.cancel_requested:
                return self._move(entry, JobState.CANCELLED, now, reason=CANCELLED_WHILE_RUNNING)
            entry.job = replace(
                entry.job,
                attempt=entry.job.attempt - 1,
                attempts_without_progress=max(entry.job.attempts_without_progress - 1, 0),
            )
            return self._move(entry, JobState.QUEUED, now, reason=HANDED_BACK)

    def observations(self, job_id: str) -> list[Observation]:
        with self._lock:
            entry = self._entries.get(job_id)
            return [] if entry is None else copy.deepcopy(list(entry.observations.values()))

    # what the relay and the lease reaper do
    def unpublished(self, limit: int = 100) -> list[OutboxRow]:
        with self._lock:
            rows = [OutboxRow(n, row.job_id) for n, row in self._outbox.items() if row.published_at is None]
        return sorted(rows, key=lambda row: row.id)[:limit]

    def mark_published(self, ids: Sequence[int]) -> None:
        with self._lock:
            for number in ids:
                if number in self._outbox:
                    self._outbox[number].published_at = self._clock()

    def requeue_expired(self) -> list[str]:
        with self._lock:
            now = self._clock()
            expired = [
                entry
                for entry in self._entries.values()
                if entry.job.state is JobState.RUNNING and entry.lease_until <= now
            ]
            for entry in expired:
                job = entry.job
                state, reason = after_expiry(
                    job.attempt, job.attempts_without_progress, job.cancel_requested, entry.worker
                )
                self._move(entry, state, now, reason=reason)
            return [entry.job.id for entry in expired]

    def published(self, older_than_seconds: float) -> int:
        with self._lock:
            return len(self._lost(older_than_seconds))

    def republish(self, older_than_seconds: float) -> int:
        with self._lock:
            lost = self._lost(older_than_seconds)
            for number in lost:
                self._outbox[number].published_at = None
            return len(lost)

    def take_role(self, name: str, holder: str, lease_seconds: float) -> bool:
        with self._lock:
            now = self._clock()
            current, until = self._roles.get(name, (holder, 0.0))
            if current != holder and until > now:
                return False
            self._roles[name] = (holder, now + lease_seconds)
            return True

    def drop_role(self, name: str, holder: str) -> None:
        with self._lock:
            if self._roles.get(name, ("", 0.0))[0] == holder:
                del self._roles[name]

    def roles(self, prefix: str = "") -> dict[str, str]:
        with self._lock:
            now = self._clock()
            return {
                name: holder
                for name, (holder, until) in sorted(self._roles.items())
                if until > now and name.startswith(prefix)
            }

    # what the collector does
    def named_blobs(self, names: Set[str]) -> set[str]:
        with self._lock:
            return names_in(self._texts(), names)

    def unfinished_jobs(self, ids: Set[str]) -> set[str]:
        with self._lock:
            return {
                job_id
                for job_id, entry in self._entries.items()
                if job_id in ids and not entry.job.state.terminal
            }

    def identity(self) -> str:
        return self._identity

    # the whole
    def waiting(self, tenant_id: str | None = None) -> int:
        with self._lock:
            rows = list(self._outbox.values())
        return sum(tenant_id is None or row.tenant_id == tenant_id for row in rows)

    def ping(self) -> None:
        """Memory is always there."""

    def probe(self) -> None:
        self.take_role("probe", "probe", 0.0)

    def verify(self) -> None:
        """There is nothing to verify."""

    def migrate(self) -> str:
        """There is nothing to migrate."""
        return "memory"

    def schema_version(self) -> str | None:
        """Always the current one."""
        return "memory"

    def close(self) -> None:
        """There is nothing to close."""

    # parts
    def _replace_payload(self, job_id: str, payload: dict[str, object]) -> Job:
        entry = self._entries[job_id]
        entry.job = replace(entry.job, payload=payload)
        return _copy(entry.job)

    def _texts(self) -> Iterator[str]:
        """All that is kept, as text, except what does not count: see :mod:`store.blobs.references_sql`."""
        trainings = {space.job_id for space in self._spaces.values()}
        for entry in self._entries.values():
            yield repr((entry.job, entry.observations))
            if entry.job.kind not in (PREDICTOR, SPACE, NETWORK) or entry.job.id in trainings:
                yield entry.result or ""
        for kept in (
            self._devices,
            self._trained,
            self._networks,
            self._studies,
            self._spaces,
            self._tasks,
            self._embedded,
            self._found,
            self._datasets,
        ):
            yield repr(kept)

    def _owned(self, job_id: str, tenant_id: str) -> _Entry:
        entry = self._entries.get(job_id)
        if entry is None or entry.job.tenant_id != tenant_id:
            raise NotFound(f"no job {strict_json.clean(job_id, 64)!r}")
        return entry

    def _fenced(self, lease: Lease) -> _Entry:
        entry = self._entries.get(lease.job_id)
        if entry is None or entry.job.state is not JobState.RUNNING or entry.token != lease.token:
            raise LeaseLost(f"job {lease.job_id} no longer belongs to this attempt of {lease.worker}")
        return entry

    def _append(self, entry: _Entry, kind: str, data: Mapping[str, object], now: float) -> int:
        content = strict_json.load(strict_json.dump(data))
        number = len(entry.events) + 1
        entry.events.append(Event(number, kind, content, datetime.fromtimestamp(now, UTC)))
        return number

    def _enqueue(self, job: Job) -> None:
        """The job's outbox row, with its turns."""
        lane = job.parent_id or ""
        mine = [row for row in self._outbox.values() if row.tenant_id == job.tenant_id]
        turns = _front(self._outbox.values(), mine, "turn")
        lane_turns = _front(mine, [row for row in mine if row.lane == lane], "lane_turn")
        place = place_of(job.kind, job.payload)
        self._put(_Message(job.id, job.tenant_id, lane, turns.next(), lane_turns.next(), place))

    def _leave(self, job_id: str) -> None:
        """Sends a message again that brought a worker who takes nothing of what waits."""
        waiting = sorted((m.job_id != job_id, m.turn, n, m.job_id) for n, m in self._outbox.items())
        if waiting:
            self._send_again(waiting[0][-1])

    def _send_again(self, job_id: str) -> None:
        for number, message in list(self._outbox.items()):
            if message.job_id == job_id:
                del self._outbox[number]
                self._put(replace(message, published_at=None))

    def _put(self, message: _Message) -> None:
        self._last_outbox += 1
        self._outbox[self._last_outbox] = message

    def _move(self, entry: _Entry, target: JobState, now: float, *, reason: str | None = None) -> Job:
        """One move of the state machine with all that belongs to it."""
        check_move(entry.job.state, target)
        if entry.job.state is JobState.QUEUED:
            self._outbox = {n: row for n, row in self._outbox.items() if row.job_id != entry.job.id}
        if target is JobState.QUEUED:
            entry.token = None
            self._enqueue(entry.job)
        finished = datetime.fromtimestamp(now, UTC) if target.terminal else None
        said = None if reason is None else strict_json.clean(reason)
        entry.job = replace(entry.job, state=target, reason=said, finished_at=finished)
        self._append(entry, "state", state_data(target, entry.job.attempt, said), now)
        if entry.job.parent_id is not None:
            self._child_moved(entry.job, target, now)
        return _copy(entry.job)

    def _lost(self, older_than_seconds: float) -> list[int]:
        latest = self._clock() - older_than_seconds
        return [
            number
            for number, row in self._outbox.items()
            if row.published_at is not None and row.published_at <= latest
        ]


def _turn_within(item: tuple[int, _Message]) -> tuple[int, int, int]:
    """The order of a tenant's messages: priority, then the lane's turn, then age."""
    number, message = item
    return -message.place.priority, message.lane_turn, number


def _front(all_rows: Iterable[_Message], own: Iterable[_Message], which: str) -> Front:
    lowest = min((getattr(row, which) for row in all_rows), default=None)
    return Front(lowest, max((getattr(row, which) for row in own), default=None))


def _copy(job: Job) -> Job:
    return replace(job, payload=copy.deepcopy(job.payload))
