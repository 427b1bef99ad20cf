"""What happens beside a move of the state machine, in words that all adapters share."""

from store.jobs.job import MAX_ATTEMPTS, JobState

HANDED_BACK = "its worker shut down and handed it back"
CANCELLED_BEFORE_START = "cancelled before it started"
CANCELLED_WHILE_RUNNING = "cancelled while it ran"


def state_data(state: str, attempt: int, reason: str | None) -> dict[str, object]:
    """Data of a ``state`` event."""
    return {"state": state, "attempt": attempt, "reason": reason}


def after_expiry(attempt: int, cancel_requested: bool, worker: str) -> tuple[JobState, str]:
    """Where a job goes whose lease expired, and the reason.

    >>> after_expiry(1, False, "w1")
    (<JobState.QUEUED: 'queued'>, 'worker w1 died or fell silent in attempt 1 of 3')
    >>> after_expiry(3, False, "w1")[0]
    <JobState.FAILED: 'failed'>
    """
    if cancel_requested:
        return JobState.CANCELLED, f"cancelling was asked for, and worker {worker} is gone"
    if attempt < MAX_ATTEMPTS:
        return JobState.QUEUED, f"worker {worker} died or fell silent in attempt {attempt} of {MAX_ATTEMPTS}"
    return JobState.FAILED, f"the worker died {attempt} times while it ran this job (the last was {worker})"
