"""What every adapter does at a transition of the state machine."""

from store.jobs.job import MAX_ATTEMPTS, JobState

HANDED_BACK = "its worker shut down and handed it back"
CANCELLED_BEFORE_START = "cancelled before it started"
CANCELLED_WHILE_RUNNING = "cancelled while it ran"


def state_data(state: str, attempt: int, reason: str | None) -> dict[str, object]:
    """Data of a ``state`` event."""
    return {"state": state, "attempt": attempt, "reason": reason}


def after_expiry(
    attempt: int, without_progress: int, cancel_requested: bool, worker: str
) -> tuple[JobState, str]:
    """Where a job goes whose lease expired, and the reason.

    >>> after_expiry(1, 1, False, "w1")
    (<JobState.QUEUED: 'queued'>, 'worker w1 died or fell silent in attempt 1 (1 of 3 without progress)')
    >>> after_expiry(9, 0, False, "w1")
    (<JobState.QUEUED: 'queued'>, 'worker w1 died or fell silent in attempt 9, which had made progress')
    >>> after_expiry(9, 3, False, "w1")[0]
    <JobState.FAILED: 'failed'>
    """
    if cancel_requested:
        return JobState.CANCELLED, f"cancelling was asked for, and worker {worker} is gone"
    if without_progress < MAX_ATTEMPTS:
        made = (
            f" ({without_progress} of {MAX_ATTEMPTS} without progress)"
            if without_progress
            else ", which had made progress"
        )
        return JobState.QUEUED, f"worker {worker} died or fell silent in attempt {attempt}{made}"
    return JobState.FAILED, (
        f"the worker died {without_progress} times in a row while it ran this job, without progress in "
        f"between (the last was {worker})"
    )
