"""A data set that was uploaded to one machine, trained on by another: they share a database and S3 alone."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
import torch

from netwright.client.client import Client
from search.evaluator import Bench
from search.request.answerable import check_answerable
from search.request.design_request import parse_request
from search.run.composite import make_evaluator
from store.sql import SqlStore
from tests.networks.training import data
from tests.servers import new_database, postgres, redis_server, s3_server, s3_url, valkey_binary
from workers.stack import Stack, StackOptions

__all__ = ["postgres"]

EPOCHS = 8
ORDER = {
    "space": "nasbench201",
    "task": "pets",
    "evaluations": 1,
    "count": 1,
    "strategy": "random",
    "evaluator": "training",
    "evaluator_options": {"training": {"network": "small", "recipe": {"epochs": EPOCHS, "batch_size": 12}}},
}


@pytest.fixture(scope="module")
def api(postgres, tmp_path_factory):
    """An API and a relay whose blobs lie in S3, and what a worker must know to work for them."""
    folder = tmp_path_factory.mktemp("api")
    with s3_server(folder) as (endpoint, client), redis_server(valkey_binary()) as broker:
        client.create_bucket(Bucket="netwright")
        settings = {"NETWRIGHT_BLOB_URL": s3_url(endpoint, "netwright"), "NETWRIGHT_LEASE_SECONDS": "15"}
        settings |= {"OMP_NUM_THREADS": "1", "NETWRIGHT_CACHE_DIR": str(folder / "cache")}
        options = StackOptions(
            folder / "data",
            database_url=new_database(postgres),
            broker_url=broker.url,
            workers=0,
            environment=settings,
            log_dir=folder / "logs",
        )
        with Stack(options) as stack:
            settings |= {"NETWRIGHT_DATABASE_URL": stack.database_url, "NETWRIGHT_BROKER_URL": broker.url}
            yield stack, settings


@contextmanager
def worker(settings, folder):
    """A worker with folders of its own; ended behind the block."""
    folder.mkdir()
    own = {"NETWRIGHT_DATA_DIR": str(folder / "data"), "NETWRIGHT_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-m", "netwright", "worker"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | settings | own, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_training_goes_on_elsewhere_and_equals_one_beside_the_images(api, tables, tmp_path):
    stack, settings = api
    data.zip_of(tmp_path / "images", "pets.zip", data.files(count=60))
    with Client(stack.url) as client, worker(settings, tmp_path / "first") as first:
        client.add_dataset("pets", tmp_path / "images" / "pets.zip").wait()
        job = client.order(ORDER)
        killed = 0
        for event in job.events():
            if event.kind != "checkpoint" or killed or event.data["epoch"] < 2:
                continue
            killed = event.data["epoch"]
            first.send_signal(signal.SIGKILL)
            first.wait()
            break
        with worker(settings, tmp_path / "second"):
            final, result = job.wait(), job.result()
    assert 2 <= killed < EPOCHS and final["state"] == "succeeded" and final["attempt"] >= 2
    store = SqlStore(stack.database_url)
    events = [event.data for event in store.events(job.id) if event.kind == "checkpoint"]
    store.close()
    places = [(event["epoch"], event["step"]) for event in events]
    assert places == sorted(set(places)), "an epoch that was finished was trained again"
    (found,) = result["architectures"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        request, bench = parse_request(ORDER), Bench(tables, images=tmp_path / "images")
        check_answerable(request, tables, bench.images)
        options = (request.evaluator, request.evaluator_options)
        local = make_evaluator(request.problem(), *options, bench, request.seed)
        beside = local.evaluate(found["architecture"], lambda: False)
    finally:
        torch.set_num_threads(threads)
    there, here = found["evaluation"]["training"], beside.details["training"]
    assert there["images"] == here["images"]
    assert there["trainings"][0]["history"] == here["trainings"][0]["history"]
    assert len(here["trainings"][0]["history"]) == EPOCHS
    assert found["metrics"]["accuracy@pets"]["mean"] == beside.values["accuracy@pets"]
