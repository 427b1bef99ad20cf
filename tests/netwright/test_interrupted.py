"""A command whose stack lives for the call, told to end: its job is handed back and goes on with `resume`."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from store.jobs.job import JobState
from store.sql import SqlStore

ORDER = ["--space", "nasbench201", "--task", "cifar10-int8-ptq", "--count", "2", "--evaluations", "30"]
WAIT_SECONDS = 300
"""Seconds after which something hangs."""


def command(environment, *arguments):
    """The command as a process; what it says goes into one pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "netwright", *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_costs_no_attempt_and_the_job_is_resumed(tables, tmp_path, number):
    tables.prepare()
    environment = {
        **os.environ,
        "NETWRIGHT_DATA_DIR": str(tmp_path / "data"),
        "NETWRIGHT_CACHE_DIR": str(tables.cache_dir),
        "NETWRIGHT_WORKERS": "1",
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("NETWRIGHT_URL", None)
    process = command(environment, "design", *ORDER)
    said = ""
    deadline = time.monotonic() + WAIT_SECONDS
    while not re.search(r"job \S+ [1-9]\d*/30", said):
        assert process.poll() is None and time.monotonic() < deadline, said
        said += process.stderr.readline()
    process.send_signal(number)
    said += process.communicate(timeout=WAIT_SECONDS)[1]
    assert process.returncode == 130, said
    store = SqlStore(f"sqlite:///{tmp_path / 'data' / 'netwright.db'}")
    (job,), _ = store.jobs()
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    done = len(store.observations(job.id))
    assert done >= 1 and job.done >= 1
    resumed = command(environment, "jobs", "resume", job.id[:18])
    said = resumed.communicate(timeout=WAIT_SECONDS)[1]
    assert resumed.returncode == 0, said
    job = store.job(job.id)
    assert (job.state, job.attempt, len(store.observations(job.id))) == (JobState.SUCCEEDED, 1, 30)
    store.close()
