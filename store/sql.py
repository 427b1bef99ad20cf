"""The store on a database: SQLite for one machine, PostgreSQL for many, the same statements.

Each method of the port is one transaction. A job's row is locked first (``FOR UPDATE`` on PostgreSQL,
``BEGIN IMMEDIATE`` on SQLite), so that its events are numbered without gaps and no two writers mix.
Longer than most files: it is one concept, the jobs with their outbox and leases, in the order of the port;
devices, predictors, networks, studies, spaces and tasks have files of their own.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, literal_column, select, update

from spaces.metric import Observation
from store.batches.sql import SqlBatches
from store.blobs.references_sql import SqlReferences
from store.database import schema, strict_json
from store.database.engine import check_file, database_errors
from store.database.ids import is_id, new_id
from store.database.rows import job_of, utc
from store.database.short_ids import SqlShortIds
from store.database.tables import events, jobs, observations, outbox, results, roles
from store.datasets.sql import SqlDatasets
from store.devices.sql import SqlDevices
from store.evaluations.sql import SqlEvaluations
from store.external.sql import SqlExternal
from store.jobs.job import (
    MAX_ATTEMPTS,
    Event,
    IdempotencyConflict,
    IllegalMove,
    Job,
    JobState,
    Lease,
    LeaseLost,
    NotFound,
    StoreUnusable,
    check_move,
)
from store.jobs.place import ALL, Takes, place_of
from store.jobs.transitions import (
    CANCELLED_BEFORE_START,
    CANCELLED_WHILE_RUNNING,
    HANDED_BACK,
    after_expiry,
    state_data,
)
from store.networks.network import TrainedNetwork
from store.networks.sql import SqlNetworks
from store.port import Store
from store.predictors.predictor import TrainedVersion
from store.predictors.sql import SqlPredictors
from store.spaces.sql import SqlSpaces
from store.studies.sql import SqlStudies
from store.tasks.sql import SqlTasks

LARGEST = 2**62
"""Numbers are clipped to this, far below what a 64-bit column holds."""
PROBE = "probe"
"""A role that nobody has for longer than a moment: taking it is a write."""
MOST_VERIFIED = 1 << 29
"""Bytes of a SQLite file that is read whole to verify it: some seconds."""
MOST_NAMED = 500
"""Ids that one query names."""


class SqlStore(
    SqlBatches,
    SqlDatasets,
    SqlDevices,
    SqlPredictors,
    SqlNetworks,
    SqlStudies,
    SqlSpaces,
    SqlTasks,
    SqlReferences,
    SqlEvaluations,
    SqlExternal,
    SqlShortIds,
    Store,
):
    """The store on SQLite (``sqlite:///path``) or PostgreSQL (``postgresql+psycopg://…``)."""

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
    ) -> tuple[Job, bool]:
        with self._write() as connection:
            return self._submit(
                connection,
                kind,
                payload,
                tenant_id=tenant_id,
                idempotency_key=idempotency_key,
                total=total,
                retry_of=retry_of,
            )

    def _submit(
        self,
        connection: Connection,
        kind: str,
        payload: Mapping[str, object],
        *,
        tenant_id: str,
        idempotency_key: str | None = None,
        total: int = 0,
        retry_of: str | None = None,
        content: str | None = None,
    ) -> tuple[Job, bool]:
        """:meth:`submit` in a transaction; ``content`` is the digest that a repeated call must have."""
        text = strict_json.dump(payload)
        content = content or strict_json.digest({"kind": kind, "payload": payload, "retry_of": retry_of})
        key = None if idempotency_key is None else strict_json.digest({"key": idempotency_key})
        if retry_of is not None:
            self._owned(connection, retry_of, tenant_id)
        now = self._now(connection)
        job_id = new_id(now)
        created = connection.execute(
            self._insert_or_ignore(jobs)
            .values(
                id=job_id,
                tenant_id=tenant_id,
                kind=kind,
                state=JobState.QUEUED,
                attempt=0,
                payload=text,
                digest=content,
                idempotency_digest=key,
                done=0,
                total=min(total, LARGEST),
                message="",
                cancel_requested=False,
                retry_of=retry_of,
                created_at=now,
                last_event=0,
            )
            .returning(jobs.c.id)
        ).first()
        if created is None:
            where = (jobs.c.tenant_id == tenant_id) & (jobs.c.idempotency_digest == key)
            before = connection.execute(select(jobs).where(where)).one()
            if before.digest != content:
                raise IdempotencyConflict("this idempotency key was used with other content")
            return job_of(before), False
        row = self._row(connection, job_id)
        self._append(connection, row, "state", state_data("queued", 0, None), now)
        self._enqueue(connection, tenant_id, None, {job_id: place_of(kind, payload)})
        return job_of(row), True

    def job(self, job_id: str, *, tenant_id: str = "default") -> Job:
        with self._read() as connection:
            return job_of(self._owned(connection, job_id, tenant_id))

    def jobs(
        self,
        *,
        tenant_id: str = "default",
        after: str | None = None,
        limit: int = 20,
        state: JobState | None = None,
        parent_id: str | None = None,
    ) -> tuple[list[Job], bool]:
        limit = min(max(limit, 1), 100)
        query = select(jobs).where(jobs.c.tenant_id == tenant_id).order_by(jobs.c.id.desc()).limit(limit + 1)
        if after is not None:
            if not is_id(after):
                raise NotFound("the cursor is not a job's id")
            query = query.where(jobs.c.id < after)
        query = query.where(
            jobs.c.parent_id.is_(None) if parent_id is None else jobs.c.parent_id == parent_id
        )
        if state is not None:
            query = query.where(jobs.c.state == state)
        with self._read() as connection:
            page = [job_of(row) for row in connection.execute(query)]
        return page[:limit], len(page) > limit

    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        with self._write() as connection:
            if self._owned(connection, job_id, tenant_id).children:
                return self._cancel_batch(connection, job_id)
            row = self._owned(connection, job_id, tenant_id, lock=True)
            now = self._now(connection)
            if row.state == JobState.QUEUED:
                return self._move(connection, row, JobState.CANCELLED, now, reason=CANCELLED_BEFORE_START)
            if row.state == JobState.RUNNING and not row.cancel_requested:
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
                self._append(connection, row, "state", state_data("cancelling", row.attempt, None), now)
                return job_of(self._row(connection, job_id))
            return job_of(row)

    def events(
        self, job_id: str, *, tenant_id: str = "default", after: int = 0, limit: int = 500
    ) -> list[Event]:
        query = (
            select(events)
            .where(events.c.job_id == job_id, events.c.id > min(max(after, 0), LARGEST))
            .order_by(events.c.id)
            .limit(min(max(limit, 1), LARGEST))
        )
        with self._read() as connection:
            self._owned(connection, job_id, tenant_id)
            return [
                Event(row.id, row.kind, strict_json.load(row.data), utc(row.at))
                for row in connection.execute(query)
            ]

    def last_events(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
        ids = sorted(job_id for _, job_id in keys if is_id(job_id))
        found: dict[tuple[str, str], int] = {}
        with self._read() as connection:
            for begin in range(0, len(ids), MOST_NAMED):
                query = select(jobs.c.tenant_id, jobs.c.id, jobs.c.last_event).where(
                    jobs.c.id.in_(ids[begin : begin + MOST_NAMED])
                )
                found |= {(row.tenant_id, row.id): row.last_event for row in connection.execute(query)}
        return {key: found[key] for key in keys if key in found}

    def result(self, job_id: str, *, tenant_id: str = "default") -> dict[str, object] | None:
        with self._read() as connection:
            self._owned(connection, job_id, tenant_id)
            text = connection.execute(select(results.c.result).where(results.c.job_id == job_id)).scalar()
        return None if text is None else strict_json.load(text)

    # what a worker does
    def claim(self, job_id: str, *, worker: str, lease_seconds: float) -> Lease | None:
        if not is_id(job_id):
            return None
        with self._write() as connection:
            return self._claim(connection, job_id, worker, lease_seconds)

    def claim_next(
        self, job_id: str, *, worker: str, lease_seconds: float, takes: Takes = ALL
    ) -> Lease | None:
        with self._write() as connection:
            row = self._take_turn(connection, takes)
            if row is None:
                self._leave(connection, job_id)
                return None
            lease = self._claim(connection, row.job_id, worker, lease_seconds)
            if lease is None:  # it is being cancelled at this moment
                return None if takes != ALL else self._claim(connection, job_id, worker, lease_seconds)
            if row.published_at is None and row.job_id != job_id:
                self._send_again(connection, job_id)
            return lease

    def _claim(self, connection: Connection, job_id: str, worker: str, lease_seconds: float) -> Lease | None:
        # A row that another worker is claiming at this moment is skipped, not waited for.
        query = (
            select(jobs)
            .where(
                jobs.c.id == job_id,
                jobs.c.state == JobState.QUEUED,
                jobs.c.attempts_without_progress < MAX_ATTEMPTS,
                jobs.c.children == 0,
            )
            .with_for_update(skip_locked=True)
        )
        row = connection.execute(query).one_or_none()
        if row is None:
            return None
        now = self._now(connection)
        lease = Lease(job_id, secrets.token_hex(16), worker, row.attempt + 1)
        self._move(
            connection,
            row,
            JobState.RUNNING,
            now,
            attempt=lease.attempt,
            attempts_without_progress=row.attempts_without_progress + 1,
            started_at=now,
            lease_token=lease.token,
            lease_until=now + lease_seconds,
            worker=worker,
        )
        return lease

    def leased(self, lease: Lease) -> Job:
        with self._read() as connection:
            return job_of(self._fenced(connection, lease, lock=False))

    def renew(self, lease: Lease, lease_seconds: float) -> bool:
        with self._write() as connection:
            row = self._fenced(connection, lease)
            until = self._now(connection) + lease_seconds
            connection.execute(update(jobs).where(jobs.c.id == lease.job_id).values(lease_until=until))
            return bool(row.cancel_requested)

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
        with self._write() as connection:
            row = self._fenced(connection, lease)
            now = self._now(connection)
            done = row.done if done is None else min(done, LARGEST)
            total = row.total if total is None else min(total, LARGEST)
            message = row.message if message is None else strict_json.clean(message)
            progress = {"done": done, "total": total, "message": message}
            for observation in observations:
                advances |= self._observe(connection, row, observation, now)
            counted: dict[str, object] = {"attempts_without_progress": 0} if advances else {}
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(progress | counted))
            return self._append(connection, row, kind, {**data, "progress": progress}, now)

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
        with self._write() as connection:
            row = self._row(connection, lease.job_id, lock=True)
            if row is not None and row.lease_token == lease.token and row.state == state:
                return job_of(row)  # the answer to an earlier, identical call was lost
            row = self._fenced(connection, lease)
            now = self._now(connection)
            if result is not None:
                text = strict_json.dump(result)
                values = {"job_id": row.id, "tenant_id": row.tenant_id, "result": text, "at": now}
                connection.execute(insert(results).values(values))
            if isinstance(trained, TrainedNetwork):
                self._keep_network(connection, trained, row.tenant_id, now)
            elif trained is not None:
                self._keep(connection, trained, row.tenant_id, now)
            return self._move(connection, row, state, now, reason=reason)

    def hand_back(self, lease: Lease) -> Job:
        with self._write() as connection:
            row = self._fenced(connection, lease)
            now = self._now(connection)
            if row.cancel_requested:
                return self._move(connection, row, JobState.CANCELLED, now, reason=CANCELLED_WHILE_RUNNING)
            return self._move(
                connection,
                row,
                JobState.QUEUED,
                now,
                reason=HANDED_BACK,
                attempt=row.attempt - 1,
                attempts_without_progress=max(row.attempts_without_progress - 1, 0),
            )

    def observations(self, job_id: str) -> list[Observation]:
        query = select(observations).where(observations.c.job_id == job_id).order_by(observations.c.id)
        with self._read() as connection:
            rows = connection.execute(query).all() if is_id(job_id) else []
        return [
            Observation(
                architecture=row.architecture,
                values=strict_json.load(row._mapping["values"]),  # type: ignore[arg-type]
                source=row.source,
                failed=row.failed,
                fidelity=row.fidelity,
                seconds=row.seconds,
                details=strict_json.load(row.details),
            )
            for row in rows
        ]

    # what the relay and the lease reaper do
    def requeue_expired(self) -> list[str]:
        taken = []
        with self._read() as connection:
            if connection.execute(_expired(self._now(connection)).limit(1)).first() is None:
                return []  # the usual case takes no lock
        with self._write() as connection:
            now = self._now(connection)
            rows = connection.execute(_expired(now).limit(100).with_for_update(skip_locked=True)).all()
            # Parents are locked in one order, whoever else takes children of the same batches.
            for row in sorted(rows, key=lambda row: row.parent_id or ""):
                state, reason = after_expiry(
                    row.attempt, row.attempts_without_progress, row.cancel_requested, row.worker
                )
                self._move(connection, row, state, now, reason=reason)
                taken.append(row.id)
        return taken

    def take_role(self, name: str, holder: str, lease_seconds: float) -> bool:
        with self._write() as connection:
            now = self._now(connection)
            values = {"holder": holder, "until": now + lease_seconds}
            free = (roles.c.holder == holder) | (roles.c.until <= now)
            taken = connection.execute(update(roles).where(roles.c.name == name, free).values(values))
            if taken.rowcount:
                return True
            new = self._insert_or_ignore(roles).values(name=name, **values).returning(roles.c.name)
            return connection.execute(new).first() is not None

    def drop_role(self, name: str, holder: str) -> None:
        with self._write() as connection:
            connection.execute(delete(roles).where(roles.c.name == name, roles.c.holder == holder))

    def roles(self, prefix: str = "") -> dict[str, str]:
        with self._read() as connection:
            now = self._now(connection)
            rows = connection.execute(select(roles).where(roles.c.until > now).order_by(roles.c.name)).all()
        return {row.name: row.holder for row in rows if row.name.startswith(prefix)}

    # the whole
    def ping(self) -> None:
        with self._read() as connection:
            self._now(connection)

    def probe(self) -> None:
        if self._file is not None:
            check_file(self._file)
        self.take_role(PROBE, PROBE, 0.0)

    def verify(self) -> None:
        if self._file is None or self._file.stat().st_size > MOST_VERIFIED:
            return
        with self._read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            raise StoreUnusable(f"the database {self._file} is damaged ({found}): put a backup in its place")

    def migrate(self) -> str:
        with database_errors():
            return schema.migrate(self._engine) or ""

    def downgrade(self, revision: str) -> str | None:
        """Takes the tables back to an older revision (``base``: drops them all); what they held is lost."""
        with database_errors():
            return schema.migrate(self._engine, revision)

    def schema_version(self) -> str | None:
        with self._read() as connection:
            return schema.current(connection)

    def close(self) -> None:
        self._engine.dispose()

    # parts
    def _row(self, connection: Connection, job_id: str, *, lock: bool = False) -> Any:
        query = select(jobs).where(jobs.c.id == job_id)
        return connection.execute(query.with_for_update() if lock else query).one_or_none()

    def _owned(self, connection: Connection, job_id: str, tenant_id: str, *, lock: bool = False) -> Any:
        row = self._row(connection, job_id, lock=lock) if is_id(job_id) else None
        if row is None or row.tenant_id != tenant_id:
            raise NotFound(f"no job {strict_json.clean(job_id, 64)!r}")
        return row

    def _fenced(self, connection: Connection, lease: Lease, *, lock: bool = True) -> Any:
        row = self._row(connection, lease.job_id, lock=lock)
        if row is None or row.state != JobState.RUNNING or row.lease_token != lease.token:
            raise LeaseLost(
                f"job {lease.job_id} no longer belongs to {lease.worker}'s attempt {lease.attempt}"
            )
        return row

    def _append(
        self, connection: Connection, row: Row[Any], kind: str, data: Mapping[str, object], now: float
    ) -> int:
        number: int = row.last_event + 1
        connection.execute(
            insert(events).values(
                job_id=row.id,
                id=number,
                tenant_id=row.tenant_id,
                kind=kind,
                data=strict_json.dump(data),
                at=now,
            )
        )
        connection.execute(update(jobs).where(jobs.c.id == row.id).values(last_event=number))
        return number

    def _move(
        self,
        connection: Connection,
        row: Row[Any],
        target: JobState,
        now: float,
        *,
        reason: str | None = None,
        **values: object,
    ) -> Job:
        """One move of the state machine with all that belongs to it, on a locked row."""
        check_move(JobState(row.state), target)
        values |= {"state": target, "reason": None if reason is None else strict_json.clean(reason)}
        if row.state == JobState.QUEUED:
            connection.execute(delete(outbox).where(outbox.c.job_id == row.id))
        if target is not JobState.RUNNING:
            values["lease_until"] = None
        if target is JobState.QUEUED:
            values |= {"lease_token": None, "worker": None}
            place = place_of(row.kind, strict_json.load(row.payload))
            self._enqueue(connection, row.tenant_id, row.parent_id, {row.id: place})
        if target.terminal:
            values["finished_at"] = now
        connection.execute(update(jobs).where(jobs.c.id == row.id).values(values))
        attempt = values.get("attempt", row.attempt)
        said: Any = values["reason"]
        self._append(connection, row, "state", state_data(target, attempt, said), now)  # type: ignore[arg-type]
        if row.parent_id is not None:
            self._child_moved(connection, row, target, said, now)
        return job_of(self._row(connection, row.id))

    def _observe(self, connection: Connection, row: Row[Any], observation: Observation, now: float) -> bool:
        """Stores an observation; whether it was not there."""
        strict_json.check_observation(observation)
        stored = connection.execute(
            self._insert_or_ignore(observations)
            .values(
                {
                    "job_id": row.id,
                    "tenant_id": row.tenant_id,
                    "architecture": observation.architecture,
                    "fidelity": observation.fidelity,
                    "values": strict_json.dump(observation.values),
                    "source": observation.source,
                    "failed": None if observation.failed is None else strict_json.clean(observation.failed),
                    "seconds": observation.seconds,
                    "details": strict_json.dump(observation.details),
                    "at": now,
                }
            )
            .returning(observations.c.id)
        )
        return stored.first() is not None


def _expired(now: float) -> Select[Any]:
    # The state is spelled out, not a parameter, so that the index of running jobs alone can be used.
    running = jobs.c.state == literal_column(f"'{JobState.RUNNING}'")
    return select(jobs).where(running, jobs.c.lease_until <= now).order_by(jobs.c.lease_until)
