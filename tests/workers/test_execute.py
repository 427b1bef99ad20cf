"""Executing a job, in this process, on SQLite."""

import threading
import time

import pytest

from predictors.predictor import NotEnoughLabels
from search.run.reasons import DISK_FULL, NO_MEMORY
from spaces.metric import Observation
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState, StoreFull, StoreUnavailable
from workers import handlers
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.handlers import JobStopped, Outcome, handles
from workers.timeouts import Timeouts

QUICK = Timeouts(lease_seconds=0.3, stall_seconds=30, drain_seconds=30, store_seconds=2)


@pytest.fixture
def run(store, monkeypatch):
    """Executes jobs of a kind ``test`` with the handler that the test gives."""
    handlers.handler_of("design")  # what is imported for the first time must not register in the copy
    monkeypatch.setattr(handlers, "_HANDLERS", dict(handlers._HANDLERS))

    def no_tables():
        raise AssertionError("these handlers need no tables")

    def start(handler, *, timeouts=QUICK, draining=lambda: False, leave=lambda: None, job=None, on=None):
        handles("test")(handler)
        job = job or store.submit("test", {"seed": 1})[0]
        environment = WorkerEnvironment(
            worker="w",
            tables=no_tables,
            blobs=MemoryBlobs,
            timeouts=timeouts,
            draining=draining,
            leave=leave,
        )
        return execute(on or store, job.id, environment)

    return start


def succeed(context):
    return Outcome(JobState.SUCCEEDED, {"seed": context.job.payload["seed"]})


def until_stopped(context):
    while not context.should_stop():
        time.sleep(0.01)
    raise JobStopped


def in_background(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def only_job(store):
    (job,), _ = store.jobs()
    return job


def test_a_result_is_stored(store, run):
    job = run(succeed)
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert store.result(job.id) == {"seed": 1}


def test_an_infeasible_design_has_a_result_and_a_reason(store, run):
    job = run(lambda context: Outcome(JobState.INFEASIBLE, {"nearest": "a"}, "no architecture is that small"))
    assert (job.state, job.reason) == (JobState.INFEASIBLE, "no architecture is that small")
    assert store.result(job.id) == {"nearest": "a"}


def test_a_second_message_does_nothing(store, run):
    job = run(succeed)
    assert run(succeed, job=job) is None
    assert len(store.events(job.id)) == 3


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotEnoughLabels("too small"), "NotEnoughLabels: too small"),
        (MemoryError(), NO_MEMORY),
        (StoreFull("database or disk is full"), DISK_FULL),
        (OSError(28, "No space left on device"), DISK_FULL),
    ],
)
def test_an_exception_fails_the_job_with_its_reason(run, error, reason):
    def handler(context):
        raise error

    job = run(handler)
    assert (job.state, job.reason) == (JobState.FAILED, reason)


@pytest.mark.parametrize("error", [SystemExit(3), RuntimeError("[bt] (0) /usr/lib/libxgboost.so [0x7f00]")])
def test_an_unexpected_error_is_reported_by_a_reference_to_the_log(run, error):
    def handler(context):
        raise error

    job = run(handler)
    assert job.state is JobState.FAILED
    assert job.reason.startswith(f"an internal error ({type(error).__name__})") and "/" not in job.reason


def test_results_and_events_that_json_cannot_hold_fail_the_job(store, run):
    job = run(lambda context: Outcome(JobState.SUCCEEDED, {"x": float("inf")}))
    assert job.state is JobState.FAILED and "InvalidJson" in job.reason
    assert store.result(job.id) is None
    job = run(lambda context: context.on_event("e", data={"x": float("nan")}))
    assert job.state is JobState.FAILED and "InvalidJson" in job.reason


def test_a_kind_without_a_handler_fails(store, run):
    job, _ = store.submit("unheard of", {})
    assert "unheard of" in run(succeed, job=job).reason


def test_the_next_attempt_finds_what_was_measured(store, run):
    def evaluate(context):
        number = len(context.stored)
        observation = Observation(f"a{number}", {"accuracy@x": 1.0}, "test")
        context.on_event("evaluation", done=number + 1, total=3, message="…", observations=[observation])
        if number < 2:
            raise JobStopped
        return Outcome(JobState.SUCCEEDED, {"stored": [known.architecture for known in context.stored]})

    job = run(evaluate)
    assert job.state is JobState.QUEUED
    job = run(evaluate, job=job)
    job = run(evaluate, job=job)
    assert (job.state, job.attempt, job.done, job.total) == (JobState.SUCCEEDED, 1, 3, 3)
    assert store.result(job.id) == {"stored": ["a0", "a1"]}
    assert len(store.observations(job.id)) == 3


def test_a_lease_outlives_a_long_step(store, run):
    def long_step(context):
        time.sleep(1.0)
        assert store.requeue_expired() == []
        return succeed(context)

    assert run(long_step).state is JobState.SUCCEEDED


def test_cancelling_stops_the_handler(store, run):
    thread = in_background(lambda: run(until_stopped))
    wait_until(lambda: store.jobs(state=JobState.RUNNING)[0])
    assert store.cancel(only_job(store).id).public_state == "cancelling"
    thread.join()
    job = only_job(store)
    assert job.state is JobState.CANCELLED and job.finished_at is not None


def test_draining_hands_the_job_back_after_the_step_at_hand(store, run):
    drain = []
    thread = in_background(lambda: run(until_stopped, draining=lambda: bool(drain)))
    wait_until(lambda: store.jobs(state=JobState.RUNNING)[0])
    drain.append(True)
    thread.join()
    job = only_job(store)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    assert [message.job_id for message in store.unpublished()] == [job.id]


def test_a_draining_worker_takes_no_job(store, run):
    assert run(succeed, draining=lambda: True) is None
    assert only_job(store).attempt == 0


def test_a_step_that_takes_too_long_while_draining_is_left_behind(store, run):
    drain, left = [], threading.Event()

    def stuck(context):
        drain.append(True)
        assert left.wait(20)
        context.on_event("too late")

    timeouts = Timeouts(lease_seconds=0.3, drain_seconds=0.2)
    assert run(stuck, timeouts=timeouts, draining=lambda: bool(drain), leave=left.set) is None
    job = only_job(store)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)


def test_a_step_that_does_not_hear_of_cancelling_is_left_behind(store, run):
    left = threading.Event()

    def deaf(context):
        store.cancel(context.job.id)
        assert left.wait(20)
        return succeed(context)  # too late

    assert run(deaf, timeouts=Timeouts(lease_seconds=0.3, cancel_seconds=0.2), leave=left.set) is None
    assert only_job(store).state is JobState.CANCELLED


def test_a_handler_without_a_sign_of_life_fails(store, run):
    left = threading.Event()

    def stuck(context):
        assert left.wait(20)
        return succeed(context)  # too late

    run(stuck, timeouts=Timeouts(lease_seconds=0.3, stall_seconds=0.3), leave=left.set)
    assert only_job(store).state is JobState.FAILED
    assert "stalled" in only_job(store).reason


def test_a_worker_that_lost_its_lease_writes_nothing_more(store, run):
    job, _ = store.submit("test", {"seed": 1})

    def handler(context):
        taken = []
        while not taken:  # the heartbeat renews it: end the lease from beside until the lease reaper takes it
            expire_now(store)
            taken = store.requeue_expired()
        other = store.claim(job.id, worker="other", lease_seconds=60)
        assert other.attempt == 2
        context.on_event("stale", observations=[Observation("stale", {}, "test")])

    assert run(handler, job=job) is None
    now = store.job(job.id)
    assert (now.state, now.attempt) == (JobState.RUNNING, 2)
    assert store.observations(job.id) == []
    assert {event.kind for event in store.events(job.id)} == {"state"}


def expire_now(store):
    """Ends every lease, as time would."""
    with store._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.exec_driver_sql("UPDATE jobs SET lease_until = 0 WHERE lease_until IS NOT NULL")


class Flaky:
    """A store whose every method fails a few times before it is let through."""

    def __init__(self, store, failures):
        self.store, self.failures = store, failures
        self.seen = {}

    def __getattr__(self, name):
        def call(*args, **options):
            self.seen[name] = self.seen.get(name, 0) + 1
            if self.seen[name] <= self.failures:
                raise StoreUnavailable("the server is away")
            return getattr(self.store, name)(*args, **options)

        return call


def test_a_database_that_is_away_for_a_while_costs_nothing(store, run):
    def evaluate(context):
        context.on_event("evaluation", done=1, observations=[Observation("a", {}, "test")])
        return succeed(context)

    job = run(evaluate, on=Flaky(store, 3))
    assert (job.state, job.done) == (JobState.SUCCEEDED, 1)


def test_a_database_that_stays_away_leaves_the_job_to_the_reaper(store, run):
    timeouts = Timeouts(lease_seconds=0.1, store_seconds=0.2)
    assert run(succeed, on=Flaky(store, 10**6), timeouts=timeouts) is None
    assert only_job(store).state is JobState.QUEUED

    class LosesTheEnd(Flaky):
        def __getattr__(self, name):
            return super().__getattr__(name) if name == "finish" else getattr(self.store, name)

    assert run(succeed, on=LosesTheEnd(store, 10**6), timeouts=timeouts, job=only_job(store)) is None
    wait_until(store.requeue_expired)
    job = only_job(store)
    assert (job.state, job.attempt) == (JobState.QUEUED, 1)
