"""Real trainings on several workers, one of which is killed: they go on from the last checkpoint."""

import os
import signal

import pytest

from networks.images.dataset import load_images
from networks.training.rebuild import rebuild
from networks.training.train import accuracy
from netwright.client.client import Client
from store.blobs.collector import collect
from store.blobs.urls import open_blobs
from store.sql import SqlStore
from tests.networks.training import data
from workers.stack import Stack, StackOptions

ORDER = {
    "objectives": [{"metric": "accuracy"}, {"metric": "latency_ms", "device": "worker"}],
    "evaluations": 3,
    "evaluator": {"accuracy": "training", "latency_ms": "latency"},
    "evaluator_options": {
        "training": {
            "network": "small",
            "recipe": {"epochs": 10, "batch_size": 12},
        },
        "latency": {"network": "small", "seconds": 0.05, "blocks": 3},
    },
    "recipe": {"optimizer": ["sgd", "adamw"], "learning_rate": [0.05, 0.01]},
    "parallel": 2,
    "strategy": "random",
    "count": 3,
}


@pytest.fixture(scope="module")
def stack(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainings")
    environment = {
        "NETWRIGHT_CACHE_DIR": str(tables.cache_dir),
        "NETWRIGHT_IMAGES": str(data.npz(folder / "images")),
        "NETWRIGHT_LEASE_SECONDS": "10",
        "OMP_NUM_THREADS": "1",
    }
    options = StackOptions(folder / "data", workers=2, environment=environment, log_dir=folder / "logs")
    with Stack(options) as running:
        yield running, folder


def worker_of(stack, store, job_id):
    """The pid of the process that holds a job at this moment."""
    with store._engine.connect() as connection:
        from sqlalchemy import text

        name = connection.execute(text("SELECT worker FROM jobs WHERE id = :id"), {"id": job_id}).scalar_one()
    return stack.pids[name]


def test_a_killed_workers_trainings_go_on_and_come_back_from_their_weights(stack):
    running, folder = stack
    with Client(running.url) as client:
        store = SqlStore(running.database_url)
        job = client.design("nasbench201", "tiny", **ORDER)
        killed, seen = None, []
        for event in job.events():
            seen.append(event)
            # The design's own worker, in the middle of its first training.
            if killed is None and event.kind == "checkpoint" and event.data["epoch"] >= 1:
                killed = worker_of(running, store, job.id)
                os.kill(killed, signal.SIGKILL)
        final, result = job.refresh(), job.result()
        downloads = {row["rank"]: job.export(row["rank"], "weights") for row in result["architectures"]}
    assert "checkpoint" in {event.kind for event in seen}
    for event in seen:
        if event.kind == "checkpoint" and event.data["epoch"] == 5:
            assert event.data["seconds"] > event.data["epoch_seconds"] > 0 and event.data["seconds_left"] > 0
            assert {"loss", "accuracy"} <= event.data.keys()
            assert event.data["progress"]["message"].startswith("epoch 5 of 10: loss ")
    assert killed is not None and final["state"] == "succeeded" and final["attempt"] >= 2, final["reason"]
    events = store.events(job.id)
    checkpoints = [event.data for event in events if event.kind == "checkpoint"]
    for key in {checkpoint["key"] for checkpoint in checkpoints}:
        places = [(each["epoch"], each["step"]) for each in checkpoints if each["key"] == key]
        assert places == sorted(set(places)), "an epoch that was finished was trained again"
    handed_out = [event.data["job"] for event in events if event.kind == "handed-out"]
    assert handed_out and {store.job(child).kind for child in handed_out} == {"evaluation"}
    observed = [event.data["architecture"] for event in events if event.kind == "observed"]
    assert len(observed) == len(set(observed)) == result["evaluated"] == 3
    blobs = open_blobs((folder / "data" / "blobs").as_uri())
    images = load_images(folder / "images", "tiny")
    weights = []
    for row in result["architectures"]:
        details = row["evaluation"]["training"]
        network, about = rebuild(downloads[row["rank"]])
        assert blobs.get(details["weights"]) == downloads[row["rank"]]
        assert about["architecture"] == row["network"] and row["architecture"] in observed
        assert about["options"]["recipe"].items() >= (row["recipe"] | {"epochs": 10}).items()
        again = accuracy(network, images, images.validation)
        assert again == pytest.approx(row["metrics"]["accuracy@tiny"]["mean"], abs=1e-3)
        assert (
            row["evaluation"]["latency"]["quartiles_ms"] and row["metrics"]["latency_ms@worker"]["mean"] > 0
        )
        weights.append(details["weights"])
    # The killed worker may have left a checkpoint that its successor did not need any more.
    left = list(blobs.slots())
    assert len(left) <= 1
    assert collect(store, blobs, grace_seconds=-1).dropped_slots == len(left)
    # Weights of all evaluations stay, and of one that was done twice, its worker having died: both have rows.
    children = [store.result(child) for child in handed_out]
    stored = {child["observation"]["details"]["training"]["weights"] for child in children if child}
    assert set(weights) <= set(blobs.names()) <= set(weights) | stored and len(set(weights)) == 3
    store.close()


def test_a_batchs_bounds_and_devices_share_trainings(stack):
    """Designs that differ in a bound train the same architectures, each once; the table names who did it."""
    running, _ = stack
    order = {name: value for name, value in ORDER.items() if name not in ("recipe", "parallel")}
    order |= {"space": "nasbench201", "task": "tiny", "seed": 5}
    quick = {"network": "small", "recipe": {"epochs": 2, "batch_size": 12}}
    order["evaluator_options"] = ORDER["evaluator_options"] | {"training": quick}
    order |= {"constraints": [{"metric": "params_m", "max": 0.0}]}
    with Client(running.url) as client:
        batch = client.batch(template=order, grid={"constraints[0].max": [2.0, 3.0, 4.0]})
        batch.wait()
        rows, text = batch.table(), batch.table_csv()
        results = [each["result"] for each in batch.designs()]
    assert [row["bounds"]["params_m"]["max"] for row in rows] == [2.0, 3.0, 4.0]
    assert {row["state"] for row in rows} == {"succeeded"}, rows
    store = SqlStore(running.database_url)
    trained = {}
    for row in rows:
        assert len(store.observations(row["job"])) == 3
        for event in store.events(row["job"]):
            if event.kind == "checkpoint":
                trained.setdefault(event.data["architecture"], set()).add(row["job"])
    store.close()
    assert len(trained) == 3 and all(len(jobs) == 1 for jobs in trained.values()), trained
    for row, result in zip(rows, results, strict=True):
        best = result["architectures"][0]
        (training,) = best["evaluation"]["training"]["trainings"]
        assert row["architecture"] == best["architecture"]
        assert row["origins"] == [training["origin"]] == list(trained[best["architecture"]])
        assert row["values"] == best["metrics"] | row["values"]
    assert len({row["architecture"] for row in rows}) == len({result["origins"][0] for result in rows}) == 1
    head, *lines = text.splitlines()
    assert "params_m max" in head and "accuracy@tiny lower" in head and len(lines) == 3
    assert all(row["origins"][0] in line for row, line in zip(rows, lines, strict=True))
