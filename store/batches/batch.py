"""A batch: many jobs ordered as one, and how its state follows from theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from store.jobs.job import TERMINAL_STATES, Job, JobState, StoreError

KIND = "batch"
"""Of the parent: no worker does it; the store moves it as its children move."""
CHILD_EVENT = "child"
"""Kind of the parent's event at a child's end."""

ANSWERED = frozenset({JobState.SUCCEEDED, JobState.INFEASIBLE})
"""States of a child that got its answer; that nothing satisfies the bounds is one. Never retried."""

Counts = Mapping[JobState, int]
"""How many of a batch's children are in each state."""


class NothingToRepeat(StoreError):
    """Every child of the batch got its answer; never retry, order the batch again instead."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A child to be ordered.

    Args:
        payload: plain JSON for its handler.
        total: its steps in all, where known.
        label: what distinguishes it from the others, plain JSON for people.
    """

    payload: Mapping[str, object]
    total: int = 0
    label: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchChild:
    """A child as it was when it was read.

    Args:
        position: from 0, as ordered.
        label: see :class:`BatchItem`.
        job: the child's job; in a retried batch an answered child is the job of the batch before.
        result: what it gave; None where there is nothing (yet).
    """

    position: int
    label: dict[str, object]
    job: Job
    result: dict[str, object] | None


def ended(counts: Counts) -> int:
    """How many children have ended."""
    return sum(counts.get(state, 0) for state in TERMINAL_STATES)


def tally(counts: Counts) -> str:
    """The ended children in words.

    >>> tally({JobState.FAILED: 1, JobState.SUCCEEDED: 3, JobState.QUEUED: 6})
    '3 succeeded, 1 failed'
    """
    order = (JobState.SUCCEEDED, JobState.INFEASIBLE, JobState.FAILED, JobState.CANCELLED)
    return ", ".join(f"{counts[state]} {state.value}" for state in order if counts.get(state))


def outcome(counts: Counts, *, began: bool, cancel_requested: bool) -> JobState:
    """The state of a batch all of whose children have ended.

    ``cancelled`` where it was cancelled in time to keep a child from its answer, or nothing ever began;
    ``succeeded`` where at least one child got its answer; else ``failed``, or ``cancelled`` where every
    child was cancelled by itself.

    >>> outcome({JobState.SUCCEEDED: 1, JobState.FAILED: 9}, began=True, cancel_requested=False)
    <JobState.SUCCEEDED: 'succeeded'>
    >>> outcome({JobState.SUCCEEDED: 1, JobState.CANCELLED: 9}, began=True, cancel_requested=True)
    <JobState.CANCELLED: 'cancelled'>
    >>> outcome({JobState.FAILED: 9, JobState.CANCELLED: 1}, began=True, cancel_requested=False)
    <JobState.FAILED: 'failed'>
    """
    cancelled = counts.get(JobState.CANCELLED, 0)
    if not began or (cancel_requested and cancelled):
        return JobState.CANCELLED
    if any(counts.get(state, 0) for state in ANSWERED):
        return JobState.SUCCEEDED
    return JobState.FAILED if counts.get(JobState.FAILED, 0) else JobState.CANCELLED


def end_reason(counts: Counts) -> str | None:
    """Why a batch ended as it did; None where every child succeeded."""
    return (
        None
        if set(state for state, count in counts.items() if count) == {JobState.SUCCEEDED}
        else tally(counts)
    )


def counts_json(counts: Counts) -> dict[str, int]:
    """The counts as plain JSON, states without children left out."""
    return {state.value: counts[state] for state in JobState if counts.get(state)}
