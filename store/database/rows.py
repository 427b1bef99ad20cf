"""Rows of the database as the plain data of the port."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from store.database import strict_json
from store.jobs.job import Job, JobState


def utc(seconds: float) -> datetime:
    """A time of the database."""
    return datetime.fromtimestamp(seconds, UTC)


def job_of(row: Row[Any]) -> Job:
    """The job of a row of ``jobs``."""
    return Job(
        id=row.id,
        tenant_id=row.tenant_id,
        kind=row.kind,
        state=JobState(row.state),
        attempt=row.attempt,
        payload=strict_json.load(row.payload),
        done=row.done,
        total=row.total,
        message=row.message,
        reason=row.reason,
        created_at=utc(row.created_at),
        started_at=None if row.started_at is None else utc(row.started_at),
        finished_at=None if row.finished_at is None else utc(row.finished_at),
        cancel_requested=row.cancel_requested,
        retry_of=row.retry_of,
        parent_id=row.parent_id,
        children=row.children,
        attempts_without_progress=row.attempts_without_progress,
    )
