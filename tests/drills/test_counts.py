"""Faults again and again, with real processes on both stacks: nothing lost, nothing doubled.

``tests/workers/test_drills.py`` has each fault once and looks closely; here it is the number that counts.
"""

import os
import random
import signal
import time
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
import redis

from store.jobs.job import MAX_ATTEMPTS, JobState, StoreError
from store.sql import SqlStore
from tests.servers import new_database, redis_binary, redis_server
from tests.workers.conftest import Running, options
from tests.workers.test_drills import ended, ended_after_outage, evaluations, submit, wait_until
from workers.stack import Stack

KILLS = 20
BROKER_KILLS = 5
QUEUED_AT_THE_WIPE = 100
DATABASE_STOPS = 5


def running_row(running, job_id):
    """The worker and attempt of a job that runs; None while it does not."""
    query = f"SELECT worker, attempt FROM jobs WHERE id = '{job_id}' AND state = 'running'"
    with running.store._engine.connect() as connection:
        return connection.exec_driver_sql(query).one_or_none()


def kill_worker_of(running, job_id):
    """Kills a job's worker while it certainly has that job; whether it did."""
    before = running_row(running, job_id)
    pid = None if before is None else running.stack.pids.get(before.worker)
    if pid is None:
        return False
    os.kill(pid, signal.SIGSTOP)  # it cannot end this job and begin another while we look again
    if running_row(running, job_id) == before:
        os.kill(pid, signal.SIGKILL)
        return True
    os.kill(pid, signal.SIGCONT)
    return False


def test_workers_killed_in_mid_evaluation_twenty_times(running):
    """Each of ten jobs loses its worker twice, at random points, and is done at the third attempt."""
    chance = random.Random(17)
    jobs = [submit(running, count=8, seconds=0.1) for _ in range(KILLS // (MAX_ATTEMPTS - 1))]
    due = {job.id: [1, 2] for job in jobs}  # in which attempts it is still to be killed

    def killed():
        for job_id, attempts in due.items():
            row = running_row(running, job_id)
            if row is not None and row.attempt in attempts:
                time.sleep(chance.uniform(0, 0.15))
                if kill_worker_of(running, job_id):
                    attempts.remove(row.attempt)
        return not any(due.values())

    wait_until(killed, 120)
    for job in ended(running, jobs):
        assert (job.state, job.attempt, job.done) == (JobState.SUCCEEDED, MAX_ATTEMPTS, 8)
        assert len(running.store.observations(job.id)) == 8
        made = evaluations(running, job.id)
        # A kill can only cost the evaluation at hand: made, or nearly, but not stored.
        assert len(made) <= 8 + MAX_ATTEMPTS - 1
        assert {name for name, _ in made} == {f"a{number}" for number in range(8)}


def test_a_broker_killed_and_restarted_five_times(running):
    chance = random.Random(18)
    for _ in range(BROKER_KILLS):
        jobs = [submit(running, count=2, seconds=0.05) for _ in range(4)]
        time.sleep(chance.uniform(0, 0.2))
        running.broker.end(signal.SIGKILL)
        jobs += [submit(running) for _ in range(2)]
        time.sleep(chance.uniform(0, 0.5))
        running.broker.start()
        for job in ended(running, jobs):
            assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
            assert len(evaluations(running, job.id)) == job.payload["count"]


def test_a_broker_wiped_with_a_hundred_queued(running):
    """The workers are busy, so that the hundred wait in the broker when it is wiped."""
    gate = running.folder / "gate"
    slow = [submit(running, until=str(gate)) for _ in range(2)]
    wait_until(lambda: all(running.store.job(job.id).attempt for job in slow))
    jobs = [submit(running) for _ in range(QUEUED_AT_THE_WIPE)]
    wait_until(lambda: not running.store.unpublished())
    with redis.Redis.from_url(running.broker.url) as client:
        # One that was sent again may stand there twice: it brought a worker to another job.
        assert client.llen("netwright") >= QUEUED_AT_THE_WIPE
        client.flushall()
    gate.touch()
    for job in ended(running, slow + jobs):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
        count = job.payload["count"]
        assert evaluations(running, job.id) == [(f"a{number}", "1") for number in range(count)]


def test_a_database_stopped_at_once_and_restarted_five_times(postgres, tmp_path_factory):
    with _patient_stack(postgres, tmp_path_factory.mktemp("stopped")) as running:
        jobs = [submit(running, count=60, seconds=0.1) for _ in range(2)]
        for _ in range(DATABASE_STOPS):
            progress = _done(running, jobs)
            wait_until(lambda progress=progress: _done(running, jobs) > progress)
            postgres.end(signal.SIGQUIT)
            time.sleep(0.3)
            postgres.start()
        for job in ended_after_outage(running, jobs):
            assert job.state is JobState.SUCCEEDED, job.reason
            assert job.attempts_without_progress <= MAX_ATTEMPTS
            assert len(running.store.observations(job.id)) == 60
            assert len({name for name, _ in evaluations(running, job.id)}) == 60


@contextmanager
def _patient_stack(postgres, folder):
    """Of PostgreSQL and Redis; its workers do not take a short outage for a handler that hangs."""
    if redis_binary() is None:
        pytest.skip("redis-server is not installed here")
    with redis_server(redis_binary()) as broker:
        chosen = options(folder, broker_url=broker.url, database_url=new_database(postgres))
        slow_to_stall = {**chosen.environment, "NETWRIGHT_STALL_SECONDS": "60"}
        stack = Stack(replace(chosen, environment=slow_to_stall))
        with stack, closing(SqlStore(stack.database_url)) as store:
            yield Running(stack, store, folder, broker)


def _done(running, jobs):
    """How many evaluations are recorded; -1 while the database does not tell."""
    try:
        return sum(running.store.job(job.id).done for job in jobs)
    except StoreError:
        return -1
