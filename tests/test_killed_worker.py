"""A real design whose worker is killed in the middle: nothing is lost, nothing is done twice."""

import os
import signal

import pytest

from netwright.client.client import Client
from store.sql import SqlStore
from workers.stack import Stack, StackOptions

EVALUATIONS = 14


@pytest.fixture(scope="module")
def stack(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed-worker")
    environment = {"NETWRIGHT_CACHE_DIR": str(tables.cache_dir), "NETWRIGHT_LEASE_SECONDS": "2"}
    options = StackOptions(folder / "data", workers=1, environment=environment, log_dir=folder / "logs")
    with Stack(options) as running:
        yield running


def worker_pid(stack):
    return next(pid for name, pid in stack.pids.items() if name.startswith("worker"))


@pytest.mark.parametrize("kill_after", [2, 9])
def test_a_killed_workers_design_is_finished_by_its_successor(stack, kill_after):
    with Client(stack.url) as client:
        job = client.design(
            "nasbench201",
            "cifar10-int8-ptq",
            evaluations=EVALUATIONS,
            evaluator="table",
            count=4,
            seed=kill_after,
        )
        victim = None
        for event in job.events():
            if victim is None and event.kind == "observed" and event.data["progress"]["done"] >= kill_after:
                victim = worker_pid(stack)
                os.kill(victim, signal.SIGKILL)
        final = job.refresh()
        result = job.result()
    assert victim is not None and worker_pid(stack) != victim
    assert final["state"] == "succeeded" and final["attempt"] == 2
    assert result["evaluated"] == EVALUATIONS
    store = SqlStore(stack.database_url)
    try:
        observed = [event for event in store.events(job.id, tenant_id="default") if event.kind == "observed"]
        stored = store.observations(job.id)
    finally:
        store.close()
    architectures = [observation.architecture for observation in stored]
    assert len(architectures) == len(set(architectures)) == EVALUATIONS
    # An evaluation that was stored is never repeated: as many events as observations, in one row of numbers.
    assert [event.data["progress"]["done"] for event in observed] == list(range(1, EVALUATIONS + 1))
