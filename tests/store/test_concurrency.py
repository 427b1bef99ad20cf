"""Many processes on one database: every write arrives, none fails, each job is done once."""

import multiprocessing
import traceback

import pytest

from spaces.metric import Observation
from store.jobs.job import JobState
from store.sql import SqlStore

WRITERS = 8
JOBS = 40


@pytest.fixture
def url(database_url):
    store = SqlStore(database_url)
    store.migrate()
    store.close()
    return database_url


def in_processes(count, target, *args):
    """Runs a function in many processes; raises what any of them raised."""
    fresh = multiprocessing.get_context("spawn")
    problems = fresh.Queue()
    processes = [
        fresh.Process(target=guarded, args=(problems, target, number, *args)) for number in range(count)
    ]
    for process in processes:
        process.start()
    said = [problems.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert said == [""] * count, "\n".join(said)


def guarded(problems, target, *args):
    try:
        target(*args)
        problems.put("")
    except BaseException:
        problems.put(traceback.format_exc())


def write_many(number, url, count):
    store = SqlStore(url)
    for index in range(count):
        job, created = store.submit("x", {"n": index}, tenant_id=f"t{number}", idempotency_key=str(index))
        assert created
        lease = store.claim(job.id, worker=f"w{number}", lease_seconds=60)
        store.record(lease, kind="e", data={}, done=1, observations=[Observation("a", {}, "t")])
        store.finish(lease, JobState.SUCCEEDED, result={})
    store.close()


def test_eight_writers_and_no_database_is_locked(url):
    in_processes(WRITERS, write_many, url, 25)
    store = SqlStore(url)
    for number in range(WRITERS):
        page, more = store.jobs(tenant_id=f"t{number}", state=JobState.SUCCEEDED, limit=100)
        assert len(page) == 25 and not more
    assert store.waiting() == 0
    store.close()


def work_on_all(number, url, ids):
    store = SqlStore(url)
    for job_id in ids:
        lease = store.claim(job_id, worker=f"w{number}", lease_seconds=60)
        if lease is not None:
            store.finish(lease, JobState.SUCCEEDED, result={"by": number})
    store.close()


def test_every_job_that_all_want_goes_to_exactly_one(url):
    store = SqlStore(url)
    ids = [store.submit("x", {"n": number})[0].id for number in range(JOBS)]
    in_processes(4, work_on_all, url, ids)
    for job_id in ids:
        job = store.job(job_id)
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
        assert len(store.events(job_id)) == 3
        assert store.result(job_id)["by"] in range(4)
    store.close()


def take_expired(number, url):
    store = SqlStore(url)
    for _ in range(30):
        store.requeue_expired()
    store.close()


def test_many_reapers_take_each_expired_lease_once(url):
    store = SqlStore(url)
    ids = [store.submit("x", {"n": number})[0].id for number in range(JOBS)]
    for job_id in ids:
        store.claim(job_id, worker="dead", lease_seconds=0)
    in_processes(3, take_expired, url)
    for job_id in ids:
        assert len(store.events(job_id)) == 3
        assert store.job(job_id).state is JobState.QUEUED
    assert len(store.unpublished(limit=1000)) == JOBS
    store.close()
