"""Evaluations outside, on a database: a part of :class:`store.sql.SqlStore`."""

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, update

from store.database import strict_json
from store.database.ids import is_id, new_id
from store.database.rows import utc
from store.database.tables import external_evaluations as offers
from store.database.tables import jobs
from store.database.transactions import SqlTransactions
from store.external.evaluation import VANISHED, Claim, Ended, Offer
from store.external.port import ExternalStore
from store.jobs.job import JobState, LeaseLost, NotFound

RUNNING = (JobState.QUEUED.value, JobState.RUNNING.value)
"""States of a design that still wants its evaluations."""


class SqlExternal(SqlTransactions, ExternalStore):
    """The statements about evaluations outside."""

    def offer_evaluation(self, offer: Offer, *, tenant_id: str = "default") -> None:
        order = strict_json.dump(offer.order)
        with self._write() as connection:
            now = self._now(connection)
            row = {
                "id": new_id(now),
                "tenant_id": tenant_id,
                "job_id": offer.job_id,
                "architecture": offer.architecture,
                "order": order,
                "lease_seconds": offer.lease_seconds,
                "attempts": offer.attempts,
                "attempt": 0,
                "ended": False,
                "at": now,
            }
            connection.execute(self._insert_or_ignore(offers).values(row))

    def claim_evaluation(
        self, client_id: str, *, job_id: str | None = None, tenant_id: str = "default"
    ) -> Claim | None:
        with self._write() as connection:
            now = self._now(connection)
            query = (
                select(offers.c.id)
                .join(jobs, jobs.c.id == offers.c.job_id)
                .where(
                    offers.c.tenant_id == tenant_id,
                    offers.c.ended.is_(False),
                    offers.c.attempt < offers.c.attempts,
                    or_(offers.c.token.is_(None), offers.c.lease_until <= now),
                    jobs.c.state.in_(RUNNING),
                )
                .order_by(offers.c.id)
                .limit(1)
            )
            if job_id is not None:
                query = query.where(offers.c.job_id == job_id)
            # Others that claim at this moment pass over a row that is locked.
            found = connection.execute(query.with_for_update(of=offers, skip_locked=True)).scalar()
            if found is None:
                return None
            row = connection.execute(
                update(offers)
                .where(offers.c.id == found)
                .values(
                    attempt=offers.c.attempt + 1,
                    token=secrets.token_hex(16),
                    client_id=client_id,
                    lease_until=now + offers.c.lease_seconds,
                )
                .returning(offers)
            ).one()
            return _claim(row, stopped=False)

    def renew_claim(self, evaluation_id: str, token: str, *, tenant_id: str = "default") -> Claim:
        with self._write() as connection:
            row = self._held(connection, evaluation_id, token, tenant_id)
            if row.ended:
                raise LeaseLost("the evaluation has ended")
            until = self._now(connection) + offers.c.lease_seconds
            where = offers.c.id == evaluation_id
            renewed = update(offers).where(where).values(lease_until=until).returning(offers)
            state = connection.execute(select(jobs.c.state).where(jobs.c.id == row.job_id)).scalar()
            return _claim(connection.execute(renewed).one(), stopped=state not in RUNNING)

    def end_evaluation(
        self, evaluation_id: str, token: str, ended: Ended, *, tenant_id: str = "default"
    ) -> bool:
        content = {"values": ended.values, "seconds": ended.seconds, "details": ended.details}
        failed = None if ended.failed is None else strict_json.clean(ended.failed)
        text = strict_json.dump({**content, "failed": failed})
        with self._write() as connection:
            row = self._held(connection, evaluation_id, token, tenant_id)
            if row.ended:
                return False
            values = {"ended": True, "result": text}
            connection.execute(update(offers).where(offers.c.id == evaluation_id).values(values))
            return True

    def evaluation_of_claim(self, evaluation_id: str, token: str, *, tenant_id: str = "default") -> Offer:
        with self._read() as connection:
            return _offer(self._held(connection, evaluation_id, token, tenant_id, lock=False))

    def external_results(self, job_id: str, *, tenant_id: str = "default") -> Mapping[str, Ended | None]:
        mine = (offers.c.tenant_id == tenant_id) & (offers.c.job_id == job_id)
        with self._read() as connection:
            lost = connection.execute(
                select(func.count()).where(mine, self._used_up(self._now(connection)))
            ).scalar_one()
        if lost:
            self._end_used_up(mine)
        with self._read() as connection:
            rows = connection.execute(select(offers).where(mine).order_by(offers.c.id)).all()
        return {row.architecture: _ended(row) if row.ended else None for row in rows}

    # parts
    def _used_up(self, now: float) -> ColumnElement[bool]:
        """Those whose last lease is over."""
        return (
            offers.c.ended.is_(False)
            & (offers.c.attempt >= offers.c.attempts)
            & (offers.c.lease_until <= now)
        )

    def _end_used_up(self, mine: ColumnElement[bool]) -> None:
        with self._write() as connection:
            now = self._now(connection)
            for row in connection.execute(select(offers).where(mine, self._used_up(now)).with_for_update()):
                failed = VANISHED.format(attempts=row.attempt)
                text = strict_json.dump({"values": {}, "seconds": 0.0, "details": {}, "failed": failed})
                # Nobody holds it any more: what its last client tells now is refused.
                values = {"ended": True, "result": text, "token": None}
                connection.execute(update(offers).where(offers.c.id == row.id).values(values))

    def _held(
        self, connection: Connection, evaluation_id: str, token: str, tenant_id: str, *, lock: bool = True
    ) -> Any:
        query = select(offers).where(offers.c.id == evaluation_id, offers.c.tenant_id == tenant_id)
        row = (
            connection.execute(query.with_for_update() if lock else query).one_or_none()
            if is_id(evaluation_id)
            else None
        )
        if row is None:
            raise NotFound(f"no evaluation {strict_json.clean(evaluation_id, 64)!r}")
        if row.token != token:
            raise LeaseLost("the evaluation is someone else's by now")
        return row


def _offer(row: Any) -> Offer:
    order = strict_json.load(row._mapping["order"])
    return Offer(row.job_id, row.architecture, order, row.lease_seconds, row.attempts)


def _claim(row: Any, *, stopped: bool) -> Claim:
    until = utc(row.lease_until)
    return Claim(row.id, row.token, _offer(row), row.client_id, row.attempt, until, stopped)


def _ended(row: Any) -> Ended:
    found: Any = strict_json.load(row.result)
    return Ended(found["values"], found["failed"], found["seconds"], row.client_id, found["details"])
