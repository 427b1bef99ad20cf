"""The queue on a database: a part of :class:`store.sql.SqlStore`; see :mod:`store.jobs.fair_share`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, true, update

from store.database.tables import outbox
from store.database.transactions import SqlTransactions
from store.jobs.fair_share import Front
from store.jobs.job import OutboxRow
from store.jobs.place import ALL, LABEL, Place, Takes


class SqlQueue(SqlTransactions):
    """The statements about outbox rows: one for each queued job."""

    def unpublished(self, limit: int = 100) -> list[OutboxRow]:
        query = select(outbox.c.id, outbox.c.job_id).where(outbox.c.published_at.is_(None))
        with self._read() as connection:
            rows = connection.execute(query.order_by(outbox.c.id).limit(limit)).all()
        return [OutboxRow(row.id, row.job_id) for row in rows]

    def mark_published(self, ids: Sequence[int]) -> None:
        if not ids:
            return
        with self._write() as connection:
            now = self._now(connection)
            connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(published_at=now))

    def published(self, older_than_seconds: float) -> int:
        with self._read() as connection:
            latest = self._now(connection) - older_than_seconds
            query = select(func.count()).select_from(outbox).where(outbox.c.published_at <= latest)
            count: int = connection.execute(query).scalar_one()
        return count

    def republish(self, older_than_seconds: float) -> int:
        with self._write() as connection:
            latest = self._now(connection) - older_than_seconds
            lost = update(outbox).where(outbox.c.published_at <= latest).values(published_at=None)
            return connection.execute(lost).rowcount

    def waiting(self, tenant_id: str | None = None) -> int:
        query = select(func.count()).select_from(outbox)
        if tenant_id is not None:
            query = query.where(outbox.c.tenant_id == tenant_id)
        with self._read() as connection:
            count: int = connection.execute(query).scalar_one()
        return count

    # parts
    def _enqueue(
        self, connection: Connection, tenant_id: str, lane: str | None, places: Mapping[str, Place]
    ) -> None:
        """Outbox rows for jobs of one lane, job id → place, in their order."""
        lane = lane or ""
        mine = outbox.c.tenant_id == tenant_id
        lowest = select(func.min(outbox.c.turn)).scalar_subquery()
        last = select(func.max(outbox.c.turn)).where(mine).scalar_subquery()
        lane_lowest = select(func.min(outbox.c.lane_turn)).where(mine).scalar_subquery()
        lane_last = select(func.max(outbox.c.lane_turn)).where(mine, outbox.c.lane == lane).scalar_subquery()
        found = connection.execute(select(lowest, last, lane_lowest, lane_last)).one()
        turn, lane_turn = Front(found[0], found[1]).next(), Front(found[2], found[3]).next()
        rows = [
            {
                "job_id": job_id,
                "tenant_id": tenant_id,
                "lane": lane,
                "turn": turn + number,
                "lane_turn": lane_turn + number,
                "queue": place.queue,
                "rank": -place.priority,
            }
            for number, (job_id, place) in enumerate(places.items())
        ]
        connection.execute(insert(outbox), rows)

    def _take_turn(self, connection: Connection, takes: Takes = ALL) -> Any:
        """The outbox row of the job whose turn it is, locked; None where nothing waits that a worker takes.

        Rows that other workers are taking at this moment are skipped, not waited for.
        """
        taken = _taken(takes)
        by_turn = select(outbox).where(taken).order_by(outbox.c.turn, outbox.c.id).limit(1)
        first = connection.execute(by_turn.with_for_update(skip_locked=True)).one_or_none()
        if first is None:
            return None
        by_lane = select(outbox).where(taken, outbox.c.tenant_id == first.tenant_id)
        by_lane = by_lane.order_by(outbox.c.rank, outbox.c.lane_turn, outbox.c.id).limit(1)
        row = connection.execute(by_lane.with_for_update(skip_locked=True)).one()
        if row.id != first.id:
            # Another job of the tenant took his turn; this job gets that one's turn.
            connection.execute(update(outbox).where(outbox.c.id == first.id).values(turn=row.turn))
        return row

    def _leave(self, connection: Connection, job_id: str) -> None:
        """Sends a message again that brought a worker who takes nothing of what waits."""
        query = select(outbox.c.job_id).order_by(outbox.c.job_id != job_id, outbox.c.turn, outbox.c.id)
        first = connection.execute(query.limit(1)).scalar_one_or_none()
        if first is not None:
            self._send_again(connection, first)

    def _send_again(self, connection: Connection, job_id: str) -> None:
        """A new outbox row for a queued job whose message started another job.

        A row that someone is claiming at this moment is left alone. New, because the message of the old one
        may be noted as published only now.
        """
        query = select(outbox).where(outbox.c.job_id == job_id).with_for_update(skip_locked=True)
        row = connection.execute(query).one_or_none()
        if row is not None:
            connection.execute(delete(outbox).where(outbox.c.id == row.id))
            values = {
                name: value for name, value in row._mapping.items() if name not in ("id", "published_at")
            }
            connection.execute(insert(outbox).values(values))


def _taken(takes: Takes) -> ColumnElement[bool]:
    """The condition that a worker takes a row."""
    found: ColumnElement[bool] = true()
    if takes.only is None:
        found &= ~outbox.c.queue.startswith(LABEL, autoescape=True)
    else:
        found &= outbox.c.queue.in_(sorted(takes.only))
    return found & outbox.c.queue.not_in(sorted(takes.but)) if takes.but else found
