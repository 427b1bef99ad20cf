"""Batches on a database: a part of :class:`store.sql.SqlStore`.

Rows are locked in one order, children before their parent, so that no two transactions wait for each other:
whoever moves a child holds it already, then waits for the parent. The count under the parent's lock sees
every end that was committed before, so exactly one child's end is the last.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from store.batches.batch import (
    ANSWERED,
    CHILD_EVENT,
    KIND,
    BatchChild,
    BatchItem,
    Counts,
    NothingToRepeat,
    counts_json,
    end_reason,
    ended,
    outcome,
    tally,
)
from store.batches.port import BatchStore
from store.database import strict_json
from store.database.ids import new_id
from store.database.rows import job_of
from store.database.tables import batch_children, events, jobs, outbox, results
from store.jobs.job import IdempotencyConflict, IllegalMove, Job, JobState, NotFound
from store.jobs.place import place_of
from store.jobs.queue_sql import SqlQueue
from store.jobs.transitions import CANCELLED_BEFORE_START, state_data


class SqlBatches(SqlQueue, BatchStore):
    """The statements about batches."""

    _row: Callable[..., Any]
    _owned: Callable[..., Any]
    _append: Callable[..., int]
    _move: Callable[..., Job]
    job: Callable[..., Job]

    def submit_batch(
        self,
        kind: str,
        items: Sequence[BatchItem],
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
    ) -> tuple[Job, bool]:
        with self._write() as connection:
            return self._submit_batch(connection, kind, items, tenant_id, idempotency_key)

    def retry_batch(self, parent_id: str, *, tenant_id: str = "default") -> tuple[Job, bool]:
        with self._write() as connection:
            row = self._owned(connection, parent_id, tenant_id)
            if not row.children:
                raise NotFound(f"{parent_id} is no batch")
            if not JobState(row.state).terminal:
                raise IllegalMove(f"a {row.state} batch cannot be repeated")
            members = connection.execute(_members(parent_id)).all()
            taken_over = {child.position: child.id for child in members if child.state in ANSWERED}
            open_ones = [child for child in members if child.position not in taken_over]
            if not open_ones:
                raise NothingToRepeat("every child of the batch got its answer")
            items = [
                BatchItem(strict_json.load(child.payload), child.total, strict_json.load(child.label))
                for child in members
            ]
            key = f"retry of {parent_id}"
            kind = open_ones[0].kind
            return self._submit_batch(connection, kind, items, tenant_id, key, parent_id, taken_over)

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
        query = _members(parent_id, results=results)
        query = query.where(batch_children.c.position > min(max(after, -1), 2**31 - 1)).limit(limit + 1)
        with self._read() as connection:
            self._owned(connection, parent_id, tenant_id)
            rows = connection.execute(query).all()
        page = [
            BatchChild(
                row.position,
                strict_json.load(row.label),
                job_of(row),
                strict_json.load(row.result) if results and row.result is not None else None,
            )
            for row in rows[:limit]
        ]
        return page, len(rows) > limit

    def _submit_batch(
        self,
        connection: Connection,
        kind: str,
        items: Sequence[BatchItem],
        tenant_id: str,
        idempotency_key: str | None,
        retry_of: str | None = None,
        taken_over: Mapping[int, str] | None = None,
    ) -> tuple[Job, bool]:
        """``submit_batch`` in a transaction; ``taken_over`` are positions whose jobs are there already."""
        taken_over = taken_over or {}
        rows = [{"payload": item.payload, "label": item.label} for item in items]
        content = strict_json.digest({"kind": KIND, "of": kind, "items": rows, "retry_of": retry_of})
        key = None if idempotency_key is None else strict_json.digest({"key": idempotency_key})
        now = self._now(connection)
        common = {
            "tenant_id": tenant_id,
            "state": JobState.QUEUED,
            "attempt": 0,
            "message": "",
            "cancel_requested": False,
            "created_at": now,
            "last_event": 1,
        }
        parent = {
            **common,
            "id": new_id(now),
            "kind": KIND,
            "payload": strict_json.dump({"kind": kind}),
            "digest": content,
            "idempotency_digest": key,
            "done": len(taken_over),
            "total": len(items),
            "retry_of": retry_of,
            "children": len(items),
        }
        created = connection.execute(self._insert_or_ignore(jobs).values(parent).returning(jobs.c.id)).first()
        if created is None:
            where = (jobs.c.tenant_id == tenant_id) & (jobs.c.idempotency_digest == key)
            before = connection.execute(select(jobs).where(where)).one()
            if before.digest != content:
                raise IdempotencyConflict("this idempotency key was used with other content")
            return job_of(before), False
        new = [
            {
                **common,
                "id": new_id(now),
                "kind": kind,
                "payload": strict_json.dump(item.payload),
                "digest": content,
                "done": 0,
                "total": item.total,
                "parent_id": parent["id"],
            }
            for position, item in enumerate(items)
            if position not in taken_over
        ]
        ids = [str(child["id"]) for child in new]
        fresh = iter(ids)
        connection.execute(insert(jobs), new)
        connection.execute(
            insert(batch_children),
            [
                {
                    "parent_id": parent["id"],
                    "position": position,
                    "tenant_id": tenant_id,
                    "job_id": taken_over.get(position) or next(fresh),
                    "label": strict_json.dump(item.label),
                }
                for position, item in enumerate(items)
            ],
        )
        begun = strict_json.dump(state_data("queued", 0, None))
        reported_to = [str(parent["id"]), *ids]
        connection.execute(
            insert(events), [_event(job, 1, tenant_id, "state", begun, now) for job in reported_to]
        )
        ordered = [item for position, item in enumerate(items) if position not in taken_over]
        places = {id: place_of(kind, item.payload) for id, item in zip(ids, ordered, strict=True)}
        self._enqueue(connection, tenant_id, str(parent["id"]), places)
        return job_of(self._row(connection, str(parent["id"]))), True

    def _cancel_batch(self, connection: Connection, parent_id: str) -> Job:
        """Cancels what is queued, asks what runs to stop; the batch ends with the last of them."""
        moving = jobs.c.state.in_([JobState.QUEUED, JobState.RUNNING])
        query = select(jobs).where(jobs.c.parent_id == parent_id, moving).order_by(jobs.c.id)
        # One statement: a child that moves from one of these states to the other meanwhile is in it.
        children = connection.execute(query.with_for_update()).all()
        parent = self._row(connection, parent_id, lock=True)
        if JobState(parent.state).terminal:
            return job_of(parent)
        now = self._now(connection)
        queued = [row for row in children if row.state == JobState.QUEUED]
        running = [row for row in children if row.state == JobState.RUNNING and not row.cancel_requested]
        if running and not parent.cancel_requested:
            self._append(connection, parent, "state", state_data("cancelling", parent.attempt, None), now)
        connection.execute(update(jobs).where(jobs.c.id == parent_id).values(cancel_requested=True))
        for row in running:
            connection.execute(update(jobs).where(jobs.c.id == row.id).values(cancel_requested=True))
            self._append(connection, row, "state", state_data("cancelling", row.attempt, None), now)
        if queued:
            self._cancel_queued(connection, parent_id, queued, now)
            self._children_ended(
                connection, parent_id, queued, JobState.CANCELLED, CANCELLED_BEFORE_START, now
            )
        return job_of(self._row(connection, parent_id))

    def _cancel_queued(
        self, connection: Connection, parent_id: str, queued: Sequence[Row[Any]], now: float
    ) -> None:
        """What ``_move`` does for one, for many locked children in a few statements."""
        still = (jobs.c.parent_id == parent_id) & (jobs.c.state == JobState.QUEUED)
        waiting = select(jobs.c.id).where(still).scalar_subquery()
        connection.execute(delete(outbox).where(outbox.c.job_id.in_(waiting)))
        connection.execute(
            update(jobs)
            .where(still)
            .values(
                state=JobState.CANCELLED,
                reason=CANCELLED_BEFORE_START,
                finished_at=now,
                last_event=jobs.c.last_event + 1,
            )
        )
        connection.execute(
            insert(events),
            [
                _event(
                    row.id,
                    row.last_event + 1,
                    row.tenant_id,
                    "state",
                    strict_json.dump(state_data(JobState.CANCELLED, row.attempt, CANCELLED_BEFORE_START)),
                    now,
                )
                for row in queued
            ],
        )

    def _child_moved(
        self, connection: Connection, row: Row[Any], target: JobState, reason: str | None, now: float
    ) -> None:
        """What a child's move means for its batch; the child is locked and moved."""
        if target.terminal:
            self._children_ended(connection, row.parent_id, [row], target, reason, now)
        elif target is JobState.RUNNING:
            parent = self._row(connection, row.parent_id)
            if (
                parent.state == JobState.QUEUED
            ):  # seen again under the lock: another child may have been first
                parent = self._row(connection, row.parent_id, lock=True)
                if parent.state == JobState.QUEUED:
                    self._move(connection, parent, JobState.RUNNING, now, attempt=1, started_at=now)

    def _children_ended(
        self,
        connection: Connection,
        parent_id: str,
        rows: Sequence[Row[Any]],
        state: JobState,
        reason: str | None,
        now: float,
    ) -> None:
        """Tells the parent's log, sets its progress from a count, and ends it after the last child."""
        parent = self._row(connection, parent_id, lock=True)
        counts = self._counts(connection, parent_id)
        done, message = ended(counts), tally(counts)
        ids = [row.id for row in rows]
        positions = self._positions(connection, parent_id, ids)
        result = []
        for number, job_id in enumerate(ids, 1):
            data = {
                "index": positions[job_id],
                "job": job_id,
                "state": state,
                "reason": reason,
                "counts": counts_json(counts),
                "progress": {"done": done, "total": parent.total, "message": message},
            }
            event = parent.last_event + number
            result.append(
                _event(parent_id, event, parent.tenant_id, CHILD_EVENT, strict_json.dump(data), now)
            )
        connection.execute(insert(events), result)
        values = {"done": done, "message": message, "last_event": parent.last_event + len(result)}
        connection.execute(update(jobs).where(jobs.c.id == parent_id).values(values))
        if done == parent.total:
            self._end_batch(connection, self._row(connection, parent_id), counts, now)

    def _end_batch(self, connection: Connection, parent: Row[Any], counts: Counts, now: float) -> None:
        members = connection.execute(_members(parent.id)).all()
        listed = [
            {
                "index": child.position,
                **strict_json.load(child.label),
                "id": child.id,
                "state": child.state,
                "reason": child.reason,
            }
            for child in members
        ]
        text = strict_json.dump({"designs": listed, "counts": counts_json(counts)})
        values = {"job_id": parent.id, "tenant_id": parent.tenant_id, "result": text, "at": now}
        connection.execute(insert(results).values(values))
        began = parent.state == JobState.RUNNING
        state = outcome(counts, began=began, cancel_requested=parent.cancel_requested)
        self._move(connection, parent, state, now, reason=end_reason(counts))

    def _counts(self, connection: Connection, parent_id: str) -> dict[JobState, int]:
        query = (
            select(jobs.c.state, func.count())
            .join(batch_children, batch_children.c.job_id == jobs.c.id)
            .where(batch_children.c.parent_id == parent_id)
            .group_by(jobs.c.state)
        )
        return {JobState(state): count for state, count in connection.execute(query)}

    def _positions(self, connection: Connection, parent_id: str, ids: Sequence[str]) -> dict[str, int]:
        query = select(batch_children.c.job_id, batch_children.c.position)
        query = query.where(batch_children.c.parent_id == parent_id)
        if len(ids) == 1:
            query = query.where(batch_children.c.job_id == ids[0])
        return {job_id: position for job_id, position in connection.execute(query)}


def _members(parent_id: str, *, results: bool = False) -> Select[Any]:
    """A batch's children in order: their jobs, positions and labels, perhaps what they gave."""
    from store.database.tables import results as given

    columns: list[Any] = [jobs, batch_children.c.position, batch_children.c.label]
    columns += [given.c.result] if results else []
    query = select(*columns).join(batch_children, batch_children.c.job_id == jobs.c.id)
    if results:
        query = query.outerjoin(given, given.c.job_id == jobs.c.id)
    return query.where(batch_children.c.parent_id == parent_id).order_by(batch_children.c.position)


def _event(job_id: str, number: int, tenant_id: str, kind: str, data: str, now: float) -> dict[str, object]:
    return {"job_id": job_id, "id": number, "tenant_id": tenant_id, "kind": kind, "data": data, "at": now}
