"""``/readyz`` tells the truth: folders that are gone, full disks, databases and brokers that are silent."""

import os
import shutil
import sqlite3
import threading
import time

import httpx
import pytest
from api_server import TIMEOUT_SECONDS

from netwright.api import make_app
from netwright.settings import Settings
from service.server import ApiServer
from store.sql import SqlStore
from tests.netwright.test_surroundings import disk, fill
from tests.servers import new_database, postgres, redis_server, valkey_binary

__all__ = ["disk", "postgres"]


@pytest.fixture
def start():
    """Starts APIs as the settings say, and gives a client of each."""
    servers = []

    def make(settings):
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        store = SqlStore(settings.store_url)
        store.migrate()
        ready = threading.Event()
        server = ApiServer(make_app(settings, store), "127.0.0.1", 0, lambda url: ready.set())
        thread = threading.Thread(target=server.run)
        thread.start()
        assert ready.wait(TIMEOUT_SECONDS)
        client = httpx.Client(base_url=server.url, timeout=TIMEOUT_SECONDS)
        servers.append((server, thread, client, store))
        return client

    yield make
    for server, thread, client, store in servers:
        client.close()
        server.stop()
        thread.join(TIMEOUT_SECONDS)
        store.close()


def becomes(client, status, word):
    """The answer once it is this one; what was found is remembered for a second."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while True:
        answer = client.get("/readyz")
        if answer.status_code == status and word in answer.text:
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def test_a_data_folder_that_was_deleted(start, tmp_path):
    client = start(Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache"))
    assert becomes(client, 200, "ready").json()["checks"] == {"database": "ok", "blobs": "ok"}
    shutil.rmtree(tmp_path / "data")
    said = becomes(client, 503, "gone")
    assert said.headers["content-type"] == "application/problem+json"
    assert int(said.headers["retry-after"]) > 0
    assert "blobs" in said.json()["detail"] and str(tmp_path) not in said.text
    assert client.get("/healthz").status_code == 200


def test_a_full_disk_that_is_made_room_on(start, disk, tmp_path):
    folder = disk("size=16m")
    client = start(Settings(data_dir=folder / "data", cache_dir=tmp_path / "cache"))
    becomes(client, 200, "ready")
    fill(folder)
    becomes(client, 503, "the disk is full")
    (folder / "ballast").unlink()
    becomes(client, 200, "ready")


def test_a_database_file_that_is_damaged(start, tmp_path):
    settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    client = start(settings)
    becomes(client, 200, "ready")
    with sqlite3.connect(settings.data_dir / "netwright.db") as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    path = settings.data_dir / "netwright.db"
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
    becomes(client, 503, "database")
    assert client.get("/v1/jobs").status_code == 503


def test_a_database_that_does_not_answer(start, postgres, tmp_path):
    settings = Settings(
        data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", database_url=new_database(postgres)
    )
    client = start(settings)
    becomes(client, 200, "ready")
    postgres.end(9)
    becomes(client, 503, "database: does not answer")
    postgres.start()
    becomes(client, 200, "ready")


def test_without_its_broker_work_is_taken_and_waits(start, tmp_path):
    with redis_server(valkey_binary()) as broker:
        settings = Settings(data_dir=tmp_path / "data", cache_dir=tmp_path / "cache", broker_url=broker.url)
        client = start(settings)
        assert becomes(client, 200, '"ready"').json()["checks"]["broker"] == "ok"
        broker.end(9)
        answer = becomes(client, 200, "degraded").json()
        assert answer["checks"]["broker"].startswith("does not answer")
        order = {"space": "nasbench201", "task": "cifar10-int8-ptq", "count": 1}
        order["constraints"] = [{"metric": "params_m", "max": 0.5}]
        assert client.post("/v1/designs", json=order).status_code == 202
        broker.start()
        becomes(client, 200, '"ready"')
