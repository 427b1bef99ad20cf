"""``netwright jobs``: the short ids that lists print, workers that are missing, and how they are started."""

import json
import threading

import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.cli import progress as cli_progress
from netwright.client.client import Client
from store.database.ids import short_id
from store.jobs.job import JobState
from store.port import WORKER

ORDER = {"space": "nasbench201", "task": "cifar10-int8-ptq", "count": 2}


@pytest.fixture
def run(monkeypatch):
    def invoke(*arguments, status=0, **environment):
        result = CliRunner().invoke(app, list(arguments), env=environment)
        assert result.exit_code == status, result.output + repr(result.exception)
        return result

    return invoke


def test_the_version(run):
    from importlib.metadata import version

    assert run("--version").stdout == f"netwright {version('netwright')}\n"


def test_ids_are_taken_as_lists_print_them(run, server):
    with Client(server.url) as client:
        ids = [client.order({**ORDER, "seed": seed}).id for seed in range(5)]
    listed = run("jobs", "list", NETWRIGHT_URL=server.url).stdout.splitlines()[1:]
    printed = [line.split()[0] for line in listed]
    assert printed == ids[::-1]
    for whole in printed:
        shown = run("jobs", "show", short_id(whole), "--json", NETWRIGHT_URL=server.url)
        assert json.loads(shown.stdout)["id"] == whole
    several = run("jobs", "cancel", ids[0][:6], status=2, NETWRIGHT_URL=server.url)
    assert all(job_id in several.stderr for job_id in ids)


def test_watch_says_when_no_worker_is_running(run, server, monkeypatch):
    monkeypatch.setattr(cli_progress, "LOOK_SECONDS", 0.05)
    looks = threading.Semaphore(0)
    ask = Client.workers

    def asked(self):
        found = ask(self)
        looks.release()
        return found

    monkeypatch.setattr(Client, "workers", asked)
    with Client(server.url) as client:
        job = client.order(ORDER)

    def work():
        looks.acquire(timeout=60)
        looks.acquire(timeout=60)
        lease = server.store.claim(job.id, worker="w", lease_seconds=60)
        server.store.finish(
            lease, JobState.SUCCEEDED, result={"architectures": [], "evaluated": 0, "seconds": 0.0}
        )

    thread = threading.Thread(target=work)
    thread.start()
    watched = run("jobs", "watch", job.id[:18], NETWRIGHT_URL=server.url)
    thread.join()
    assert watched.stderr.count("no worker is running") == 1
    server.store.take_role(WORKER + "w", "w", 60)
    with Client(server.url) as client:
        deadline = threading.Event()
        while client.workers() != 1:
            assert not deadline.wait(0.1)
        again = client.order(ORDER)
    finisher = threading.Thread(target=lambda: _finish(server.store, again.id, looks))
    while looks.acquire(blocking=False):
        pass
    finisher.start()
    watched = run("jobs", "watch", again.id, NETWRIGHT_URL=server.url)
    finisher.join()
    assert "no worker" not in watched.stderr


def _finish(store, job_id, looks):
    looks.acquire(timeout=60)
    lease = store.claim(job_id, worker="w", lease_seconds=60)
    store.finish(lease, JobState.SUCCEEDED, result={"architectures": [], "evaluated": 0, "seconds": 0.0})


def test_resume_starts_workers_for_a_job_that_waits(run, tables, tmp_path):
    environment = {
        "NETWRIGHT_DATA_DIR": str(tmp_path / "data"),
        "NETWRIGHT_CACHE_DIR": str(tables.cache_dir),
        "NETWRIGHT_WORKERS": "1",
    }
    from netwright.api import open_store
    from netwright.settings import Settings

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        store = open_store(Settings())
        job, _ = store.submit("no such kind", {})
        store.close()
    ended = run("jobs", "resume", job.id[:18], status=1, **environment)
    assert "no handler for jobs of kind" in ended.stderr


def test_a_design_says_how_it_is_evaluated_and_what_it_is_called(run, server):
    ended = threading.Event()

    def work():
        while not ended.wait(0.05):
            for job in server.store.jobs()[0]:
                if job.state is JobState.QUEUED:
                    _finish(server.store, job.id, threading.Semaphore(1))

    thread = threading.Thread(target=work)
    thread.start()
    order = ["design", "--space", "nasbench201", "--task", "cifar10-int8-ptq", "--evaluations", "3"]
    options = ["--evaluator", "latency", "--objective", "latency_ms@worker", "--parallel", "2"]
    chosen = ["--evaluator-option", "latency.threads=1", "--evaluator-option", "latency.seconds=0.5"]
    try:
        run(*order, *options, *chosen, "--name", "my phone", NETWRIGHT_URL=server.url)
    finally:
        ended.set()
        thread.join()
    (job,), _ = server.store.jobs()
    assert job.payload["evaluator_options"] == {"latency": {"threads": 1, "seconds": 0.5}}
    assert (job.payload["parallel"], job.payload["name"]) == (2, "my phone")
    assert "my phone" in run("jobs", "list", NETWRIGHT_URL=server.url).stdout
    wrong = run(*order, *options, "--evaluator-option", "threads=1", status=2, NETWRIGHT_URL=server.url)
    assert "no option" in wrong.stderr
