"""Faults with real processes, on SQLite + Valkey and on PostgreSQL + Redis: nothing lost, nothing doubled."""

import os
import signal
import time
import uuid
from collections import Counter

import redis

from experiments.reliability.messages import malformed, push
from store.batches.batch import BatchItem
from store.jobs.job import MAX_ATTEMPTS, JobState, StoreUnavailable
from store.jobs.replay import replay, row
from tests.servers import new_database
from tests.store.test_batches import check
from tests.workers.conftest import running_stack
from workers.queue import QUEUE, Publisher, make_celery


def wait_until(condition, seconds=40.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def submit(running, count=1, seconds=0.0, **more):
    payload = {"count": count, "seconds": seconds, "journal": str(journal(running)), **more}
    return running.store.submit("wait", payload)[0]


def journal(running):
    return running.folder / "journal"


def evaluations(running, job_id):
    """The evaluations that were really made for a job, and in which attempt."""
    lines = journal(running).read_text().splitlines() if journal(running).exists() else []
    return [tuple(line.split()[1:]) for line in lines if line.startswith(job_id)]


def ended(running, jobs):
    """The jobs as they are, when all of them have ended; the invariants hold for each."""
    wait_until(lambda: all(running.store.job(job.id).state.terminal for job in jobs))
    now = [running.store.job(job.id) for job in jobs]
    for job in now:
        log = running.store.events(job.id, limit=10_000)
        assert [event.id for event in log] == list(range(1, len(log) + 1))
        answer = replay(log)
        assert answer == row(job, with_progress=answer["progress"] is not None)
        assert job.attempts_without_progress <= MAX_ATTEMPTS
        assert sum(event.data.get("state") in {"succeeded", "failed", "cancelled"} for event in log) == 1
        assert (running.store.result(job.id) is not None) == (job.state is JobState.SUCCEEDED)
        names = [observation.architecture for observation in running.store.observations(job.id)]
        assert len(names) == len(set(names))
    return now


def worker_of(running, job_id):
    """The pid of the worker that runs a job."""
    with running.store._engine.connect() as connection:
        query = "SELECT worker FROM jobs WHERE id = '" + job_id + "'"
        name = connection.exec_driver_sql(query).scalar_one()
    return running.stack.pids.get(name)


def started(running, job, done=1):
    """Waits until a job has finished some evaluations; the pid of its worker."""
    wait_until(lambda: running.store.job(job.id).done >= done)
    return worker_of(running, job.id)


def test_a_killed_workers_job_is_resumed_and_nothing_is_done_twice(running):
    job = submit(running, count=8, seconds=0.15)
    os.kill(started(running, job, done=3), signal.SIGKILL)
    (job,) = ended(running, [job])
    assert (job.state, job.attempt, job.done) == (JobState.SUCCEEDED, 2, 8)
    assert len(running.store.observations(job.id)) == 8
    made = evaluations(running, job.id)
    stored_first = [data for data in made if data[1] == "1"]
    again = {name for name, attempt in made if attempt == "2"} & {name for name, _ in stored_first}
    # The one evaluation at hand when the worker was killed may have been made but not stored.
    assert len(again) <= 1 and len(stored_first) >= 3


def test_a_worker_told_to_stop_hands_its_job_back(running):
    job = submit(running, count=10, seconds=0.15)
    os.kill(started(running, job), signal.SIGTERM)
    (job,) = ended(running, [job])
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert [attempt for _, attempt in evaluations(running, job.id)] == ["1"] * 10
    assert len({name for name, _ in evaluations(running, job.id)}) == 10
    reasons = [event.data.get("reason") for event in running.store.events(job.id)]
    assert "its worker shut down and handed it back" in reasons


def test_a_worker_in_a_long_step_hands_its_job_back_all_the_same(running):
    job, _ = running.store.submit("poison", {"how": "long step"})
    pid = wait_until(lambda: worker_of(running, job.id))
    time.sleep(0.3)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: any(event.data.get("reason") for event in running.store.events(job.id)))
    (handed_back,) = [event for event in running.store.events(job.id) if event.data.get("reason")]
    assert (handed_back.data["state"], handed_back.data["attempt"]) == ("queued", 0)
    running.store.cancel(job.id)
    (job,) = ended(running, [job])
    assert job.state is JobState.CANCELLED


def test_poison_jobs_fail_with_their_reasons_and_the_jobs_behind_them_finish(running):
    """A killed or crashed worker costs an attempt each time; what a worker can judge ends at the first."""
    expected = {
        "kill": (MAX_ATTEMPTS, "the worker died 3 times"),
        "segfault": (MAX_ATTEMPTS, "the worker died 3 times"),
        "stuck": (1, "stalled: no sign of progress"),
        "raise": (1, "NotEnoughLabels: a reason for people"),
        "nan": (1, "InvalidJson"),
    }
    poison = {how: running.store.submit("poison", {"how": how})[0] for how in expected}
    behind = [submit(running) for _ in range(20)]
    for job in ended(running, behind):
        assert job.state is JobState.SUCCEEDED
    for how, job in zip(expected, ended(running, list(poison.values())), strict=True):
        attempts, reason = expected[how]
        assert (job.state, job.attempt) == (JobState.FAILED, attempts), how
        assert reason in job.reason


def test_every_message_five_times_is_every_job_once(running):
    publisher = Publisher(make_celery(running.broker.url))
    jobs = []
    for _ in range(40):
        jobs.append(submit(running, count=1))
        for _ in range(5):
            publisher.publish(jobs[-1].id)
    publisher.close()
    for job in ended(running, jobs):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
        assert evaluations(running, job.id) == [("a0", "1")]


def test_a_running_job_is_cancelled_and_does_nothing_afterwards(running):
    job = submit(running, count=100, seconds=0.1)
    started(running, job)
    running.store.cancel(job.id)
    (job,) = ended(running, [job])
    assert job.state is JobState.CANCELLED
    made = len(evaluations(running, job.id))
    time.sleep(0.5)
    assert len(evaluations(running, job.id)) == made < 100


def all_up(running):
    """Process ids of all workers: those that the tests before have killed are back."""
    wait_until(lambda: len(running.worker_pids()) == 2)
    return running.worker_pids()


def test_a_hundred_malformed_messages_are_dropped_and_no_worker_ends(running):
    canary = running.folder / f"canary-{uuid.uuid4()}"
    messages = malformed(1, 100, str(canary))
    before = all_up(running)
    logs = [running.folder / "logs" / f"{name}.log" for name in before]
    lengths = [len(log.read_text()) if log.exists() else 0 for log in logs]
    jobs = [submit(running) for _ in range(4)]
    push(running.broker.url, messages)
    jobs += [submit(running) for _ in range(4)]
    for job in ended(running, jobs):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    with redis.Redis.from_url(running.broker.url) as client:
        wait_until(lambda: client.llen(QUEUE) == 0)
    for job in ended(running, [submit(running) for _ in range(4)]):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    assert running.worker_pids() == before, "a worker was started again"
    assert not canary.exists()
    said = [log.read_text()[length:] for log, length in zip(logs, lengths, strict=True)]
    assert any("a malformed message is dropped" in text for text in said)
    assert not [text[text.index("Traceback") :] for text in said if "Traceback" in text]


def test_a_queues_name_that_is_taken_by_something_else_is_freed(running):
    with redis.Redis.from_url(running.broker.url) as client:
        wait_until(lambda: client.llen(QUEUE) == 0)
        before = all_up(running)
        client.set(QUEUE, "no list")
        for job in ended(running, [submit(running) for _ in range(4)]):
            assert job.state is JobState.SUCCEEDED
    assert running.worker_pids() == before


def test_a_wiped_broker_loses_no_job(running):
    slow = [submit(running, count=1, seconds=1.5) for _ in range(2)]
    wait_until(lambda: all(running.store.job(job.id).attempt for job in slow))
    jobs = [submit(running) for _ in range(30)]
    wait_until(lambda: not running.store.unpublished())
    with redis.Redis.from_url(running.broker.url) as client:
        client.flushall()
    for job in ended(running, slow + jobs):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_a_killed_broker_that_comes_back_loses_no_job(running):
    # Every worker has a job in hand while the broker dies, and finishes it before the broker is back.
    in_hand = [submit(running, count=2, seconds=0.4) for _ in running.worker_pids()]
    wait_until(lambda: all(running.store.job(job.id).attempt for job in in_hand))
    jobs = [submit(running) for _ in range(5)]
    running.broker.end(signal.SIGKILL)
    jobs += [submit(running) for _ in range(5)]
    ended(running, in_hand)
    running.broker.start()
    for job in ended(running, in_hand + jobs):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)


def test_a_killed_relay_is_replaced_at_once(running):
    name = next(name for name in running.stack.pids if name.startswith("relay"))
    os.kill(running.stack.pids[name], signal.SIGKILL)
    ended(running, [submit(running) for _ in range(5)])


def test_a_stopped_database_costs_nothing_but_time(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    # On a busy machine the outage outlasts the short stall_seconds of the other drills: what waits for the
    # database is not a handler that hangs.
    stack = running_stack("postgresql+redis", folder, lambda: new_database(postgres), stall_seconds=60)
    with stack as running:
        jobs = [submit(running, count=20, seconds=0.1) for _ in range(2)]
        for job in jobs:
            started(running, job)
        postgres.end(signal.SIGQUIT)  # an immediate stop: connections are cut, nothing is written down
        time.sleep(1.0)
        postgres.start()
        for job in ended_after_outage(running, jobs):
            assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
            assert len(evaluations(running, job.id)) == 20


def ended_after_outage(running, jobs):
    """As :func:`ended`, once the database answers again."""

    def answers():
        try:
            running.store.ping()
        except StoreUnavailable:
            return False
        return True

    wait_until(answers)
    return ended(running, jobs)


# batches


def order_batch(running, count, tmp_path, seconds):
    lines = tmp_path / "journal"
    lines.touch()
    payload = {"count": 2, "seconds": seconds, "journal": str(lines)}
    batch, _ = running.store.submit_batch("wait", [BatchItem(payload, 2) for _ in range(count)])
    return batch.id, lines


def batch_once(running, batch_id, condition):
    """The batch as soon as it is as wanted."""
    return wait_until(lambda: (job := running.store.job(batch_id)) and condition(job) and job)


def test_killed_workers_lose_none_of_a_batch_and_repeat_nothing(running, tmp_path):
    batch_id, lines = order_batch(running, 14, tmp_path, 0.05)
    for done in (3, 8):
        batch_once(running, batch_id, lambda job, done=done: job.done >= done)
        os.kill(next(iter(running.worker_pids().values())), signal.SIGKILL)
    job = batch_once(running, batch_id, lambda job: job.state.terminal)
    assert (job.state, job.done, job.reason) == (JobState.SUCCEEDED, 14, None)
    check(running.store, batch_id)
    # A worker may die between a line and the event that stores it: that step, and no other, is done again.
    steps = Counter(" ".join(line.split()[:2]) for line in lines.read_text().splitlines())
    assert len(steps) == 28 and sum(steps.values()) <= 30


def test_a_cancelled_batch_ends_when_its_workers_have_stopped(running, tmp_path):
    batch_id, lines = order_batch(running, 8, tmp_path, 0.3)
    batch_once(running, batch_id, lambda job: lines.read_text())
    assert running.store.cancel(batch_id).public_state in ("cancelling", "cancelled")
    job = batch_once(running, batch_id, lambda job: job.state.terminal)
    assert job.state is JobState.CANCELLED
    check(running.store, batch_id)
    answer = lines.read_text()
    time.sleep(0.4)
    assert lines.read_text() == answer
    single, _ = running.store.submit("wait", {"count": 0, "seconds": 0, "journal": str(lines)})
    batch_once(running, single.id, lambda job: job.state is JobState.SUCCEEDED)
