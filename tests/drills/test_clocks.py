"""Clocks that are wrong by two hours: no lease ends early, nothing is done twice.

On PostgreSQL one worker's machine is wrong; leases go by the database's clock. SQLite is one machine: there
it is that machine's clock, which all processes see, that is set forward and back while they work.
"""

import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from store.jobs.job import JobState
from store.sql import SqlStore
from tests.servers import new_database, redis_binary, redis_server, valkey_binary
from tests.workers.conftest import LEASE_SECONDS, Running, options
from tests.workers.test_drills import ended, evaluations, submit, wait_until, worker_of
from workers.processes import Child
from workers.stack import Stack


def faketime():
    """Environment under which a program's clock is ours to set."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        pytest.skip("libfaketime is not installed here")
    # What is waited for is waited for as long as ever: only the time of day is wrong.
    return {"LD_PRELOAD": str(found[0]), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


def _options(folder, broker, **more):
    children = (sys.executable, "-m", "tests.drills.children")
    chosen = options(folder, broker_url=broker.url, command=children, **more)
    # Only clocks are wrong here: a slow machine must not look like a handler that hangs.
    return replace(chosen, environment={**chosen.environment, "NETWRIGHT_STALL_SECONDS": "60"})


def done_once(running, jobs, count):
    for job in ended(running, jobs):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1), job.reason
        assert sorted(evaluations(running, job.id)) == sorted((f"a{number}", "1") for number in range(count))


@pytest.mark.parametrize("offset", ["+2h", "-2h"])
def test_a_worker_whose_clock_is_two_hours_off(postgres, tmp_path, offset):
    wrong = faketime() | {"FAKETIME": offset}
    if redis_binary() is None:
        pytest.skip("redis-server is not installed here")
    with redis_server(redis_binary()) as broker:
        chosen = _options(tmp_path, broker, database_url=new_database(postgres), workers=1)
        with Stack(chosen) as stack, closing(SqlStore(stack.database_url)) as store:
            running = Running(stack, store, tmp_path, broker)
            right = next(child for child in stack.processes.children if child.name.startswith("worker"))
            named = {**right.environment, **wrong, "NETWRIGHT_PROCESS_NAME": "worker-wrong"}
            stack.processes.add(Child("worker-wrong", right.command, named))
            wait_until(lambda: "worker:worker-wrong" in store.roles())
            # Longer than the lease: it must be renewed several times, and must not seem to have ended.
            count = int(4 * LEASE_SECONDS / 0.2)
            jobs = [submit(running, count=count, seconds=0.2) for _ in range(4)]
            wait_until(lambda: any(worker_of(running, job.id) == _pid(stack) for job in jobs))
            done_once(running, jobs, count)
            assert _is_wrong_by(named, 7200)


def test_the_machines_clock_set_two_hours_forward_and_back(tmp_path):
    setting = tmp_path / "clock"
    setting.write_text("+0")
    clock = faketime() | {"FAKETIME_TIMESTAMP_FILE": str(setting), "FAKETIME_NO_CACHE": "1"}
    with redis_server(valkey_binary()) as broker:
        chosen = _options(tmp_path, broker)
        chosen = replace(chosen, environment={**chosen.environment, **clock})
        with Stack(chosen) as stack, closing(SqlStore(stack.database_url)) as store:
            running = Running(stack, store, tmp_path, broker)
            for offset in ("+2h", "+0", "-2h", "+0"):
                jobs = [submit(running, count=10, seconds=0.2) for _ in range(2)]
                wait_until(lambda jobs=jobs: all(store.job(job.id).done for job in jobs))
                _write(setting, offset)
                done_once(running, jobs, 10)
            assert _is_wrong_by({**clock, "FAKETIME": "+2h"}, 7200)


def _pid(stack):
    """Of the wrong worker."""
    return stack.pids["worker-wrong"]


def _write(path, text):
    """At once: a reader must not find half of it."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def _is_wrong_by(environment, seconds):
    """That the library does what these tests rely on: a program under it is wrong by so much."""
    environment = {name: environment[name] for name in environment if "FAKETIME" in name or "PRELOAD" in name}
    environment.pop("FAKETIME_TIMESTAMP_FILE", None)
    command = [sys.executable, "-c", "import time; print(time.time())"]
    said = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return abs(abs(float(said.stdout) - time.time()) - seconds) < 60
