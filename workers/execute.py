"""Executing one job: claim, work under a heartbeat, finish. A plain function that knows nothing of Celery."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog

from search.run.reasons import client_reason
from spaces.metric import Observation
from store.jobs.job import (
    IllegalMove,
    InvalidJson,
    Job,
    JobState,
    Lease,
    LeaseLost,
    StoreFull,
    StoreUnavailable,
)
from store.port import Store
from store.predictors.predictor import Label, StoredPredictor
from workers.children import Children
from workers.environment import WorkerEnvironment
from workers.handlers import JobContext, JobStopped, handler_of
from workers.heartbeat import Heartbeat
from workers.remote_evaluations import JobRemoteEvaluations
from workers.shared_work import JobSharedWork
from workers.timeouts import Timeouts, until_reachable

UNTAKEN_SECONDS = 0.5
"""Pause of a worker that takes nothing of what waits, so that others get the message."""

log = structlog.get_logger(__name__)


def execute(store: Store, job_id: str, environment: WorkerEnvironment) -> Job | None:
    """Does the job whose turn it is when a message arrives, and returns how it stands afterwards.

    Whatever happens ends in the store: a result, a failure with its reason, a cancellation, a hand-back, or,
    where the store cannot be reached, a lease that expires and a lease reaper who queues the job again.

    Args:
        store: where jobs are.
        job_id: what the message names; it says no more than that one job more is ready.
        environment: what this worker works with.

    Returns:
        None where there was nothing to do (a duplicate message) or the job is no longer ours.
    """
    timeouts = environment.timeouts
    if environment.draining():
        return None  # the message is spent; the lease reaper finds it missing and sends it again
    try:
        lease = until_reachable(
            lambda: store.claim_next(
                job_id,
                worker=environment.worker,
                lease_seconds=timeouts.lease_seconds,
                takes=environment.takes(),
            ),
            timeouts.store_seconds,
        )
        left = 0 if lease is not None else until_reachable(store.waiting, timeouts.store_seconds)
    except (StoreUnavailable, StoreFull) as error:
        log.error("nothing claimed: the lease reaper sends the message again", job=job_id, error=str(error))
        return None
    if lease is None:
        log.info("nothing to do", job=job_id, left_to_others=left)
        if left:
            time.sleep(UNTAKEN_SECONDS)
        return None
    with structlog.contextvars.bound_contextvars(job=lease.job_id):
        try:
            log.info("claimed", attempt=lease.attempt)
            with Heartbeat(store, lease, timeouts, environment.draining, environment.leave) as heartbeat:
                end = _work(store, lease, heartbeat, environment)
                job = until_reachable(end, timeouts.store_seconds)
            log.info("done", state=job.state.value, reason=job.reason)
            return job
        except LeaseLost:
            log.warning("the job belongs to another worker now; nothing more is written")
        except (StoreUnavailable, StoreFull) as error:
            log.error(
                "given up: the lease will expire, the lease reaper will queue the job again", error=str(error)
            )
        return None


def _work(
    store: Store, lease: Lease, heartbeat: Heartbeat, environment: WorkerEnvironment
) -> Callable[[], Job]:
    """Runs the handler; returns the write that ends the attempt, still to be done."""
    timeouts = environment.timeouts

    def on_event(
        kind: str,
        *,
        done: int | None = None,
        total: int | None = None,
        message: str | None = None,
        data: Mapping[str, object] | None = None,
        observations: Sequence[Observation] = (),
        advances: bool = False,
    ) -> None:
        heartbeat.alive()
        until_reachable(
            lambda: store.record(
                lease,
                kind=kind,
                data=data or {},
                done=done,
                total=total,
                message=message,
                observations=observations,
                advances=advances,
            ),
            timeouts.store_seconds,
        )

    try:
        job = until_reachable(lambda: store.leased(lease), timeouts.store_seconds)
        stored = tuple(until_reachable(lambda: store.observations(job.id), timeouts.store_seconds))
        handler = handler_of(job.kind)

        def training(predictor_id: str, version: int) -> tuple[StoredPredictor, list[Label]]:
            found = store.predictor(predictor_id, tenant_id=job.tenant_id)
            return found, store.labels(predictor_id, version, tenant_id=job.tenant_id)

        outcome = handler(
            JobContext(
                job,
                stored,
                on_event,
                heartbeat.should_stop,
                environment.tables,
                environment.blobs,
                training,
                past=partial(_past, store, job, timeouts),
                children=Children(store, job, timeouts.store_seconds),
                shared=JobSharedWork(store, job, timeouts.store_seconds),
                remote=JobRemoteEvaluations(store, job, timeouts.store_seconds),
                cancelled=lambda: heartbeat.cancelled,
                images=environment.images,
                cache_dir=environment.cache_dir,
            )
        )
    except (LeaseLost, StoreUnavailable):
        raise
    except (JobStopped, KeyboardInterrupt) as stopped:
        if heartbeat.lost:
            raise LeaseLost(f"job {lease.job_id} was taken while it ran") from stopped
        return lambda: store.hand_back(lease)  # which cancels it where that was asked for
    except (Exception, SystemExit) as error:
        return _failure(store, lease, error)

    def succeed() -> Job:
        try:
            return store.finish(
                lease, outcome.state, result=outcome.result, reason=outcome.reason, trained=outcome.trained
            )
        except (InvalidJson, IllegalMove) as error:  # the handler's result is none
            return _failure(store, lease, error)()

    return succeed


def _past(store: Store, job: Job, timeouts: Timeouts, kind: str) -> list[dict[str, object]]:
    """The data of a job's events of a kind, the oldest first."""
    found: list[dict[str, object]] = []
    after = 0
    while page := until_reachable(
        lambda: store.events(job.id, tenant_id=job.tenant_id, after=after),  # noqa: B023
        timeouts.store_seconds,
    ):
        found += [event.data for event in page if event.kind == kind]
        after = page[-1].id
    return found


def _failure(store: Store, lease: Lease, error: BaseException) -> Callable[[], Job]:
    """The write that fails the job; the traceback is for the log."""
    reason = client_reason(error)
    log.exception("the handler failed", exc_info=error, reference=reason.reference)
    return lambda: store.finish(lease, JobState.FAILED, reason=reason.text)
