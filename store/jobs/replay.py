"""Replays a job's event log and compares it with the row: a check that every change of state was logged."""

from collections.abc import Iterable

from store.jobs.job import Event, Job


def replay(events: Iterable[Event]) -> dict[str, object]:
    """State, attempt, reason and progress that a job has after its events.

    A total that was given with ``submit`` is not in the log until the first event that carries progress.
    """
    seen: dict[str, object] = {"state": None, "attempt": 0, "reason": None, "progress": None}
    for event in events:
        if event.kind == "state":
            seen |= {key: event.data[key] for key in ("state", "attempt", "reason")}
        else:
            seen["progress"] = event.data["progress"]
    return seen


def row(job: Job, *, with_progress: bool) -> dict[str, object]:
    """The same facts as :func:`replay`, read from the row."""
    progress = {"done": job.done, "total": job.total, "message": job.message}
    return {
        "state": job.public_state,
        "attempt": job.attempt,
        "reason": job.reason,
        "progress": progress if with_progress else None,
    }
