"""A job: a unit of queued work with a state that never lies.

Everything here is plain data. The moves a job may make are one table, :data:`ALLOWED_MOVES`, which every
adapter of :class:`store.port.Store` enforces through :func:`check_move`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MAX_ATTEMPTS = 3
"""Attempts in a row that end with their worker's death and without progress, before the job is failed."""


class JobState(StrEnum):
    """Where a job stands. Terminal states are final: a retry is a new job that names the old one."""

    QUEUED = "queued"
    # → running      a worker claims it: the attempt is counted and committed before the work begins
    # → cancelled    someone cancels it before a worker took it
    RUNNING = "running"
    # → succeeded    the handler returned a result
    # → infeasible   the handler found that no architecture satisfies the bounds
    # → failed       the handler raised, or the worker died in the third attempt in a row without progress
    # → cancelled    cancelling was asked for and the work has really stopped
    # → queued       the lease expired after progress or in one of the first two attempts without, or the
    #                worker shut down and handed it back
    SUCCEEDED = "succeeded"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether no move leads out of this state."""
        return not ALLOWED_MOVES[self]


ALLOWED_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED}),
    JobState.RUNNING: frozenset(
        {
            JobState.SUCCEEDED,
            JobState.INFEASIBLE,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.QUEUED,
        }
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.INFEASIBLE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
}

TERMINAL_STATES: frozenset[JobState] = frozenset(state for state in JobState if state.terminal)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the jobs table, as it was when it was read.

    Args:
        id: sortable by time of creation.
        tenant_id: who owns it.
        kind: which handler does it, for example ``design``.
        state: see :class:`JobState`.
        attempt: how often a worker has started it; a graceful hand-back is not counted.
        payload: what the handler receives, plain JSON.
        done: steps finished.
        total: steps in all, 0 where not known yet.
        message: what it is doing, for people.
        reason: why it ended as it did, where that needs saying.
        created_at: UTC, by the database's clock, as are the other times.
        started_at: when the latest attempt began.
        finished_at: when it reached a terminal state.
        cancel_requested: whether someone asked to cancel it while it ran.
        retry_of: id of the job that this one repeats.
        parent_id: id of the batch that ordered it.
        children: how many jobs it consists of, where it is a batch; no worker claims it then.
        attempts_without_progress: how many attempts in a row, the running one included, have committed
            nothing from which a successor would begin further on (a new observation, a further checkpoint).
    """

    id: str
    tenant_id: str
    kind: str
    state: JobState
    attempt: int
    payload: dict[str, object]
    done: int
    total: int
    message: str
    reason: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    retry_of: str | None
    parent_id: str | None = None
    children: int = 0
    attempts_without_progress: int = 0

    @property
    def public_state(self) -> str:
        """The state that is shown: ``cancelling`` until cancelled work has really stopped."""
        if self.state is JobState.RUNNING and self.cancel_requested:
            return "cancelling"
        return self.state.value


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to write to one running job, until another attempt begins.

    Args:
        token: random and unique; every write of a worker is fenced by it.
        attempt: which attempt this is, from 1.
    """

    job_id: str
    token: str
    worker: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job.

    Args:
        id: 1, 2, 3 … for each job, without gaps.
        kind: ``state`` for a move of the state machine (data: ``state`` as it is shown, ``attempt``,
            ``reason``); any other kind is the handler's own, and its data carries the job's ``progress``
            (``done``, ``total``, ``message``) beside what the handler said.
        data: plain JSON.
        at: UTC, by the database's clock.
    """

    id: int
    kind: str
    data: dict[str, object]
    at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message "job X is ready" that the relay still has to hand to the broker."""

    id: int
    job_id: str


class StoreError(Exception):
    """Base of what a store raises; see each subclass for its retry policy."""


class NotFound(StoreError):
    """No such job for this tenant (another tenant's is not found either); a retry changes nothing."""


class IdempotencyConflict(StoreError):
    """The idempotency key was used before with other content; never retry, use another key."""


class UnstorableText(StoreError):
    """A text with a NUL or half a character, which no database keeps; never retry: nothing is named so."""


class InvalidJson(StoreError, ValueError):
    """Content that JSON cannot hold, such as NaN or infinity; never retry, mend the content."""


class IllegalMove(StoreError):
    """A move that :data:`ALLOWED_MOVES` does not list; a bug in the caller, never retry."""


class LeaseLost(StoreError):
    """The job no longer belongs to this lease: stop the work, write nothing more, never retry."""


class StoreUnavailable(StoreError):
    """The database cannot be reached or does not answer in time; retry with back-off.

    A write may or may not have happened. All writes of the port are safe to repeat: ``submit`` under its
    idempotency key, a worker's under its lease.
    """


class StoreFull(StoreError):
    """The disk under the database is full; retry only after someone made room."""


class StoreUnusable(StoreError, ValueError):
    """The database is damaged, gone, read-only or of a kind unknown; never retry, mend what it names."""


class SchemaMismatch(StoreError):
    """The database's tables are not this version's; never retry, migrate (or update the program)."""


def check_move(source: JobState, target: JobState) -> None:
    """Refuses a move that the state machine does not have.

    Raises:
        IllegalMove: for every pair that is not in :data:`ALLOWED_MOVES`.

    >>> check_move(JobState.QUEUED, JobState.RUNNING)
    >>> check_move(JobState.FAILED, JobState.QUEUED)
    Traceback (most recent call last):
        ...
    store.jobs.job.IllegalMove: a failed job cannot become queued
    """
    if target not in ALLOWED_MOVES[source]:
        raise IllegalMove(f"a {source} job cannot become {target}")
