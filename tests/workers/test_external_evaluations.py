"""A design of forty whose evaluations two clients outside make, one of which is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from netwright.client.client import Client
from spaces.declared.declaration import declaration_text
from spaces.declared.space import declare
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState
from store.spaces.space import DECLARATION, GENERATOR
from tests.support.api_server import Running
from workers.environment import WorkerEnvironment
from workers.execute import execute
from workers.timeouts import Timeouts

TIMES = Timeouts(lease_seconds=30, stall_seconds=300, drain_seconds=60, store_seconds=5)
SPACE = declare("""
name = "outside"
[variables]
a = [1, 2, 3, 4, 5, 6, 7, 8]
b = [1, 2, 3, 4, 5, 6, 7, 8]
[metrics]
f1 = { direction = "maximize", range = [0, 100] }
""")
KILLED = """
import sys, time
from netwright import Client

def train(chosen):
    print("begun", flush=True)
    time.sleep(0.2)
    return chosen["a"] + chosen["b"]

with Client(sys.argv[1]) as client:
    client.evaluate(train, client_id="killed", idle_seconds=60)
"""


def test_two_clients_one_killed_finish_a_design_of_forty(store, tables, monkeypatch):
    monkeypatch.setattr("workers.spaces.train_space", lambda *_: (b"", {}))
    monkeypatch.setattr("generator.masked.own.read_own", lambda *_: None)
    server = Running(store, tables)
    order = {
        "space": "outside",
        "task": "anything",
        "evaluations": 40,
        "evaluator": "external",
        "evaluator_options": {"external": {"lease_seconds": 2}},
        "strategy": "random",
        "parallel": 4,
        "count": 3,
    }
    try:
        declared = server.http.post("/v1/spaces", json={"declaration": SPACE.declaration.to_dict()})
        assert declared.status_code == 201, declared.text
        answer = server.http.post("/v1/designs", json=order)
        assert answer.status_code == 202, answer.text
        job = answer.json()["id"]
        assert store.job(job).payload[DECLARATION] == declaration_text(SPACE.declaration)
        assert store.job(job).payload[GENERATOR] is None
        worker = threading.Thread(target=_work, args=(store, job, tables))
        worker.start()
        _kill_one(server.url)
        with Client(server.url) as client:
            done = client.evaluate(
                lambda chosen: chosen["a"] + chosen["b"], client_id="stays", job=job, idle_seconds=10
            )
        worker.join(300)
        with Client(server.url) as client:
            rows = client.job(job).evaluations()
            lines = client.job(job).evaluations_csv().splitlines()
        assert [row["number"] for row in rows] == list(range(1, 41)) and len(lines) == 41
        assert {row["client_id"] for row in rows} == {"stays", "killed"} and all(row["at"] for row in rows)
    finally:
        server.stop()
    found = store.job(job)
    assert found.state is JobState.SUCCEEDED, found.reason
    seen = store.observations(job)
    assert len(seen) == len({each.architecture for each in seen}) == 40
    assert all(each.failed is None for each in seen), [each.failed for each in seen]
    by = [json.loads(json.dumps(each.details))["external"]["client_id"] for each in seen]
    assert by.count("stays") == done and 0 < by.count("killed") == 40 - done
    best = store.result(job)["architectures"][0]["metrics"]["f1"]
    assert best["mean"] == max(each.values["f1"] for each in seen) and best["source"] == "measured"


def _work(store, job, tables):
    """One worker: it takes the training of the generator first, which was ordered before."""
    blobs = MemoryBlobs()
    while not store.job(job).state.terminal:
        execute(
            store,
            job,
            WorkerEnvironment(
                worker="w",
                tables=lambda: tables,
                blobs=lambda: blobs,
                timeouts=TIMES,
                draining=lambda: False,
                leave=lambda: None,
            ),
        )


def _kill_one(url):
    """A client in a process of its own, killed in the midst of its third evaluation."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    client = subprocess.Popen(
        [sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE, text=True, env=environment
    )
    for _ in range(3):
        assert client.stdout.readline().strip() == "begun"
    time.sleep(0.05)
    client.send_signal(signal.SIGKILL)
    client.communicate(timeout=60)
