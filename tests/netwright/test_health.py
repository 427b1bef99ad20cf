"""Health checks from outside: well only what has announced itself, or answers."""

import subprocess
import sys

import pytest

import workers.relay
import workers.worker
from netwright import health
from netwright.settings import Settings
from store.sql import SqlStore
from tests.servers import free_port


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'store.db'}", port=free_port())


@pytest.fixture
def store(settings):
    made = SqlStore(settings.store_url)
    made.migrate()
    yield made
    made.close()


def test_the_roles_are_those_that_the_processes_hold():
    assert (health.RELAY, health.WORKER) == (workers.relay.ROLE, workers.worker.ROLE)


def test_an_api_is_well_when_it_answers(server, settings):
    port = int(server.url.rpartition(":")[2])
    assert health.unwell(settings.model_copy(update={"port": port}), "api") is None
    assert "no answer" in health.unwell(settings, "api")


def test_a_relay_is_well_while_one_holds_the_role(store, settings):
    assert health.unwell(settings, "relay") is not None
    store.take_role("relay", "any", 60)
    assert health.unwell(settings, "relay") is None
    store.drop_role("relay", "any")
    assert health.unwell(settings, "relay") is not None


def test_a_worker_is_well_while_one_of_this_machine_is_present(store, settings, monkeypatch):
    monkeypatch.setattr(health.platform, "node", lambda: "here")
    store.take_role("worker:there-1-ab", "there-1-ab", 60)
    assert health.unwell(settings, "worker") is not None
    store.take_role("worker:here-1-ab", "here-1-ab", 60)
    assert health.unwell(settings, "worker") is None
    named = settings.model_copy(update={"process_name": "worker-x"})
    assert health.unwell(named, "worker") is not None


def test_a_database_that_is_not_there_is_unwell(settings):
    away = settings.model_copy(update={"database_url": f"postgresql+psycopg://me@127.0.0.1:{free_port()}/x"})
    assert "database" in health.unwell(away, "worker")


@pytest.mark.parametrize("arguments", [[], ["relay", "worker"], ["broker"]])
def test_other_words_are_a_wrong_use(arguments):
    assert health.main(arguments) == 2


def test_the_command_ends_with_the_answer(store, settings):
    command = [sys.executable, "-m", "netwright.health", "relay"]
    environment = {"NETWRIGHT_DATABASE_URL": settings.store_url}
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 1
    store.take_role("relay", "any", 60)
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
