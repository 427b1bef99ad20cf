"""The API killed while orders arrive; whoever gets no answer asks again with the same key."""

import os
import random
import signal
import sys
import threading
import time
from dataclasses import replace

import httpx
import pytest

from store.sql import SqlStore
from tests.servers import new_database, redis_server
from tests.workers.conftest import STACKS, options
from workers.stack import Stack

KILLS = 10
CLIENTS = 4
ORDER = {
    "space": "nasbench201",
    "task": "cifar10-int8-ptq",
    "count": 1,
    "evaluations": 1,
    "evaluator": "table",
    "strategy": "random",
}


@pytest.fixture(params=STACKS)
def stack(request, tmp_path, tables):
    """A whole stack of each kind, with the API and the science."""
    on_postgres, binary = STACKS[request.param]
    if binary() is None:
        pytest.skip("redis-server is not installed here")
    url = new_database(request.getfixturevalue("postgres")) if on_postgres else None
    whole = {"api": True, "command": (sys.executable, "-m", "netwright"), "database_url": url}
    with redis_server(binary()) as broker:
        chosen = options(tmp_path, broker_url=broker.url, **whole)
        # Loading the science takes longer than the short lives of the other drills allow.
        settings = {
            **chosen.environment,
            "NETWRIGHT_LEASE_SECONDS": "20",
            "NETWRIGHT_STALL_SECONDS": "120",
            "NETWRIGHT_CACHE_DIR": str(tables.cache_dir),
            "OMP_NUM_THREADS": "1",
        }
        with Stack(replace(chosen, environment=settings)) as made:
            yield made


def order_until(stack, number, over, answers):
    """A client: one order after another, each repeated with its key until it is answered with 202.

    At every other order it hangs up before the first answer can have come: the order may or may not be taken,
    as when the API is killed between its commit and its answer, which a kill alone seldom hits.
    """
    with httpx.Client(timeout=10) as client:
        for count in range(10_000):
            if over.is_set():
                return
            key = f"client-{number}-order-{count}"
            timeout = httpx.Timeout(10, read=0.002 if count % 2 else 10)
            while True:
                try:
                    answer = client.post(
                        f"{stack.url}/v1/designs",
                        json=ORDER,
                        headers={"Idempotency-Key": key},
                        timeout=timeout,
                    )
                except httpx.ReadTimeout:
                    timeout = httpx.Timeout(10)
                    continue
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 202:
                    answers.append((key, answer.json()["id"]))
                    break
                assert answer.status_code == 503, answer.text
            time.sleep(0.2)


def ready(stack):
    try:
        return httpx.get(f"{stack.url}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def test_an_api_killed_ten_times_under_load_loses_and_doubles_nothing(stack):
    chance, over, answers = random.Random(19), threading.Event(), []
    clients = [
        threading.Thread(target=order_until, args=(stack, number, over, answers)) for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        for _ in range(KILLS):
            before = len(answers)
            wait_until(lambda before=before: len(answers) > before)
            time.sleep(chance.uniform(0, 0.3))
            os.kill(wait_until(lambda: stack.pids.get("api")), signal.SIGKILL)
        wait_until(lambda: ready(stack))
    finally:
        over.set()
        for client in clients:
            client.join()
    keys = [key for key, _ in answers]
    assert len(set(keys)) == len(keys) >= KILLS
    store = SqlStore(stack.database_url)
    try:
        stored, after, more = [], None, True
        while more:
            page, more = store.jobs(after=after, limit=100)
            stored += page
            after = stored[-1].id
        # Every key was answered in the end, so there is a job for each and none beside them.
        assert {job.id for job in stored} == {job_id for _, job_id in answers}
        assert len(stored) == len(keys)
        wait_until(lambda: all(store.job(job.id).state.terminal for job in stored), 180)
        for job in stored:
            job = store.job(job.id)
            assert (job.state, job.attempt) == ("succeeded", 1), job.reason
            assert store.result(job.id)["evaluated"] == 1
    finally:
        store.close()
