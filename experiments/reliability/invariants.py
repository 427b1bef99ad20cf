"""What must hold of all jobs after any fault, read from the database itself."""

import time
from collections.abc import Iterator, Sequence

from store.jobs.job import Job, JobState
from store.jobs.replay import replay, row
from store.sql import SqlStore

GIVES_A_RESULT = frozenset({JobState.SUCCEEDED, JobState.INFEASIBLE})


def violations(database_url: str, accepted: Sequence[str], seconds: float) -> list[str]:
    """What does not hold once all jobs have ended, or after so many seconds.

    I1 every accepted job is there and ends; I2 it has a result exactly where its state says so; I6 its event
    log says the same as its row.

    Args:
        accepted: ids that were answered with 202.
    """
    store = SqlStore(database_url)
    try:
        jobs = _ended(store, seconds)
        found = [f"{job.id} is still {job.public_state}" for job in jobs.values() if not job.state.terminal]
        found += [f"{id} was accepted and is not there" for id in accepted if id not in jobs]
        for job in jobs.values():
            found += _wrong(store, job)
        return found
    finally:
        store.close()


def _ended(store: SqlStore, seconds: float) -> dict[str, Job]:
    deadline = time.monotonic() + seconds
    while True:
        jobs = {job.id: job for job in _all(store)}
        if all(job.state.terminal for job in jobs.values()) or time.monotonic() > deadline:
            return jobs
        time.sleep(1.0)


def _all(store: SqlStore) -> Iterator[Job]:
    after, more = None, True
    while more:
        page, more = store.jobs(after=after, limit=100)
        for job in page:
            yield job
            if job.children:
                yield from (child.job for child in store.children(job.id, limit=100, results=False)[0])
        after = page[-1].id if page else None


def _wrong(store: SqlStore, job: Job) -> Iterator[str]:
    result = store.result(job.id)
    if job.state in GIVES_A_RESULT and result is None:
        yield f"{job.id} is {job.state} without a result"
    if job.kind != "batch" and job.state not in GIVES_A_RESULT and result is not None:
        yield f"{job.id} is {job.state} with a result"
    events, after = [], 0
    while page := store.events(job.id, after=after):
        events += page
        after = page[-1].id
    replayed = replay(events)
    stands = row(job, with_progress=replayed["progress"] is not None)
    if job.state.terminal and replayed != stands:
        yield f"{job.id}: the log says {replayed}, the row {stands}"
