"""``netwright predictors``: two API processes on one store, and a killed worker whose training ends once."""

import json
import os
import signal
import subprocess
import sys

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from netwright.cli import app
from netwright.client.client import ApiError, Client
from spaces.known import get_space
from store.blobs.collector import collect
from store.blobs.urls import open_blobs
from store.sql import SqlStore
from workers.stack import Stack, StackOptions, free_port

CELLS = get_space("nasbench201")
KEY = "accuracy@cifar10"


def observations(count, seed=0):
    codes = CELLS.sample(count, np.random.default_rng(seed))
    values = 90 + 2 * np.log(CELLS.statistics(codes)["params_m"])
    return list(zip(CELLS.format(codes), values.tolist(), strict=True))


def lines(count, seed=0):
    return "\n".join(f"{architecture},{value}" for architecture, value in observations(count, seed))


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predictors")
    environment = {"NETWRIGHT_LEASE_SECONDS": "2", "OMP_NUM_THREADS": "1"}
    options = StackOptions(folder / "data", workers=1, environment=environment, log_dir=folder / "logs")
    with Stack(options) as running:
        yield running


@pytest.fixture
def run(stack, monkeypatch):
    monkeypatch.setenv("NETWRIGHT_URL", stack.url)

    def invoke(*arguments, status=0, given=None):
        result = CliRunner().invoke(app, list(arguments), input=given)
        assert result.exit_code == status, result.output + repr(result.exception)
        return result

    return invoke


@pytest.fixture
def second(stack):
    """A further API process on the same store; its URL."""
    port = free_port("127.0.0.1")
    own = {"NETWRIGHT_DATA_DIR": str(stack.options.data_dir), "NETWRIGHT_PORT": str(port)}
    own |= stack.options.environment  # above all as many threads: another number rounds differently
    process = subprocess.Popen(
        [sys.executable, "-m", "netwright", "api"],
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        with Client(url, retry_seconds=60) as client:
            client.spaces()  # repeated until it listens
        yield url
    finally:
        process.terminate()
        process.wait()


def asked(url, predictor):
    """The model that answers, and what it says."""
    with Client(url) as client:
        metric = {"metric": "accuracy", "task": "cifar10", "predictor": predictor}
        answer = client.predict("nasbench201", [CELLS.example], [metric])
    return answer["models"][KEY], answer["predictions"][0][KEY]["mean"]


def test_every_api_process_answers_with_the_version_that_is_current(run, stack, second):
    text = lines(12)
    base = ("--space", "nasbench201", "--metric", KEY, "--kind", "gp", "--file", "-")
    made = json.loads(run("predictors", "train", *base, "--json", given=text).stdout)
    assert made["state"] == "ready" and made["current"]["cross_validation"]["folds"] == 5
    before = asked(stack.url, made["id"])
    assert asked(second, made["id"]) == before and before[0] == made["current"]["model"]

    answer = run("predictors", "observe", made["id"], "--file", "-", "--json", given=lines(6, seed=5))
    grown = json.loads(answer.stdout)
    assert grown["current"]["version"] == 2 and grown["labels"] == 18
    after = asked(second, made["id"])  # it had the version before in memory
    assert after == asked(stack.url, made["id"]) and after[0] == grown["current"]["model"] != before[0]

    assert made["id"] in run("predictors", "list", "--space", "nasbench201").stdout
    assert grown["current"]["model"] in run("predictors", "show", made["id"]).stdout
    predict = ("predict", CELLS.example, "--space", "nasbench201", "--metric", KEY, "--metric", "params_m")
    named = json.loads(run(*predict, "--predictor", made["id"], "--json").stdout)
    assert named["models"] == {KEY: after[0], "params_m": "exact"}
    assert json.loads(run(*predict, "--kind", "gp", "--json").stdout)["models"] == named["models"]

    run("predictors", "delete", made["id"])
    with pytest.raises(ApiError, match="404"):
        asked(second, made["id"])
    run("predictors", "show", made["id"], status=2)
    run("predictors", "train", *base, given="a,1\nb,2", status=2)


def test_a_killed_workers_training_is_done_once_by_its_successor(stack):
    with Client(stack.url) as client:
        job = client.train_predictor("nasbench201", "accuracy", observations(60), task="cifar10", kind="auto")
        killed = False
        for event in job.events():
            if event.kind == "step" and not killed:
                worker = next(pid for name, pid in stack.pids.items() if name.startswith("worker"))
                os.kill(worker, signal.SIGKILL)
                killed = True
        ended, result = job.refresh(), job.result()
        assert killed and (ended["state"], ended["attempt"]) == ("succeeded", 2)
        found = client.predictor(result["predictor"])
        assert found["current"]["model"] == result["model"] and found["current"]["version"] == 1
        ends = [
            event for event in job.events() if event.kind == "state" and event.data["state"] == "succeeded"
        ]
        assert len(ends) == 1
        client.delete_predictor(found["id"])
        assert client.predictors() == []
    blobs = stack.options.data_dir / "blobs"
    store = SqlStore(stack.database_url)
    try:
        for _ in range(2):  # what no row names is set aside, and then purged
            collect(store, open_blobs(blobs.as_uri()), grace_seconds=-1)
    finally:
        store.close()
    left = [path for path in blobs.rglob("*") if path.is_file() and len(path.name) == 64]
    assert left == []


def test_deleting_stops_a_training(stack):
    with Client(stack.url) as client:
        job = client.train_predictor("nasbench201", "accuracy", observations(60), task="cifar10", kind="auto")
        client.delete_predictor(job.job["predictor"])
        assert job.wait()["state"] in ("cancelled", "failed")
    store = SqlStore(stack.database_url)
    try:
        assert store.predictors() == ([], False)
    finally:
        store.close()
    assert httpx.get(f"{stack.url}/v1/predictors").json()["predictors"] == []
