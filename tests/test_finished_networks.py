"""A network trained by real workers, of which one is killed twice: the same weights as without."""

import io
import json
import os
import signal
import zipfile

import pytest
from sqlalchemy import text

from netwright.client.client import Client
from store.blobs.collector import collect
from store.blobs.urls import open_blobs
from store.sql import SqlStore
from tests.networks.training import data
from workers.stack import Stack, StackOptions

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
RECIPE = {"epochs": 12, "batch_size": 12, "learning_rate": 0.05}


@pytest.fixture(scope="module")
def stack(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    environment = {
        "NETWRIGHT_CACHE_DIR": str(tables.cache_dir),
        "NETWRIGHT_IMAGES": str(data.npz(folder / "images", count=120, test=30, side=8)),
        "NETWRIGHT_LEASE_SECONDS": "10",
        "OMP_NUM_THREADS": "1",
    }
    options = StackOptions(folder / "data", workers=2, environment=environment, log_dir=folder / "logs")
    with Stack(options) as running:
        yield running, folder


def worker_of(stack, store, job_id):
    """The pid of the process that holds a job at this moment."""
    with store._engine.connect() as connection:
        name = connection.execute(text("SELECT worker FROM jobs WHERE id = :id"), {"id": job_id}).scalar_one()
    return stack.pids[name]


def test_a_killed_workers_successor_ends_with_the_same_weights(stack):
    running, folder = stack
    store = SqlStore(running.database_url)
    with Client(running.url) as client:
        order = {"dataset": "tiny", "network": "small", "recipe": RECIPE}
        whole = client.finish("nasbench201", CELL, **order)
        whole.result()
        job = client.finish("nasbench201", CELL, **order)
        killed, at = [], [("checkpoint", 3), ("bundle", None)]
        for event in job.events():
            # Within the training, and again while the bundle is made.
            if at and event.kind == at[0][0] and (at[0][1] is None or event.data["epoch"] >= at[0][1]):
                at.pop(0)
                killed.append(worker_of(running, store, job.id))
                os.kill(killed[-1], signal.SIGKILL)
        final = job.refresh()
        assert final["state"] == "succeeded" and final["attempt"] >= 3, final["reason"]
        first, second = (client.network(each["network"]) for each in (whole.job, job.job))
        contents = [each.bundle() for each in (whole, job)]
        assert len(set(killed)) == 2 and first["weights"] == second["weights"]
        cards = []
        for content in contents:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                cards.append(json.loads(archive.read("card.json")))
        assert cards[0]["accuracy"] == cards[1]["accuracy"] and cards[0]["files"] == cards[1]["files"]
        events = [event.data for event in store.events(job.id) if event.kind == "checkpoint"]
        places = [(each["epoch"], each["step"]) for each in events]
        assert places == sorted(set(places)), "an epoch that was finished was trained again"
        blobs = open_blobs((folder / "data" / "blobs").as_uri())
        assert collect(store, blobs, grace_seconds=-1).set_aside <= 1  # a bundle that nobody named
        assert first["bundle"].removeprefix("sha256:") in set(blobs.names())
        client.delete_network(first["id"])
        assert first["bundle"].removeprefix("sha256:") not in store.named_blobs(set(blobs.names()))
        assert second["weights"].removeprefix("sha256:") in store.named_blobs(set(blobs.names()))
    store.close()
