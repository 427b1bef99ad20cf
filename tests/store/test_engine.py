"""Connections: files, clocks, frozen servers, full disks, and queries that an index answers."""

import signal
import time
from contextlib import ExitStack

import psutil
import pytest
from sqlalchemy import event, text

from store.database import engine, postgres
from store.jobs.job import StoreFull, StoreUnavailable, StoreUnusable
from store.sql import SqlStore
from tests.servers import new_database


@pytest.fixture
def sql(database_url):
    made = SqlStore(database_url)
    made.migrate()
    yield made
    made.close()


def test_a_sqlite_file_is_made_for_its_owner_alone(tmp_path):
    store = SqlStore(f"sqlite:///{tmp_path / 'new' / 'folder' / 'store.db'}")
    store.migrate()
    made = list((tmp_path / "new" / "folder").iterdir())
    assert {path.name.partition("-")[0] for path in made} == {"store.db"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in made)
    store.close()


def test_connections_that_were_made_ahead_are_all_that_a_burst_needs(sql):
    sql.connect_ahead()
    made = []
    event.listen(sql._engine, "connect", lambda *_: made.append(True))
    with ExitStack() as burst:
        for _ in range(engine.POOL_SIZE):
            burst.enter_context(sql._read())
    assert made == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_other_databases_are_refused(url):
    with pytest.raises(ValueError, match=r"SQLite needs a file|no store for"):
        SqlStore(url)


def test_a_database_that_is_not_there_is_unavailable():
    store = SqlStore("postgresql://netwright@127.0.0.1:9/x")
    for call in (store.ping, store.probe):
        with pytest.raises(StoreUnavailable):
            call()
    store.close()


def test_a_folder_in_the_place_of_a_database_is_unusable(tmp_path):
    with pytest.raises(StoreUnusable, match="no file"):
        SqlStore(f"sqlite:///{tmp_path}")


def test_a_probe_writes_and_tells_what_sqlite_does_not(sql, tmp_path):
    sql.probe()
    sql.probe()
    assert sql.roles() == {}
    if sql._file is None:
        return
    sql.verify()
    sql._file.unlink()
    sql.ping()  # SQLite goes on in the file that nobody else sees any more
    with pytest.raises(StoreUnusable, match="gone"):
        sql.probe()


def test_the_clock_is_the_databases_and_runs_within_a_transaction(sql):
    with sql._write() as connection:
        first = sql._now(connection)
        time.sleep(0.05)
        second = sql._now(connection)
    assert abs(first - time.time()) < 60
    assert 0.01 < second - first < 30


def test_a_writer_waits_for_its_turn_and_a_reader_does_not_wait(sql):
    job, _ = sql.submit("x", {})
    with sql._write() as connection:
        connection.execute(text("UPDATE jobs SET message = 'not yet seen'"))
        assert sql.job(job.id).message == ""


def test_a_reader_keeps_no_writer_waiting(sql):
    with sql._read() as connection:
        before = connection.execute(text("SELECT count(*) FROM jobs")).scalar_one()
        job, _ = sql.submit("x", {})
        # A transaction of SQLite sees one moment, a statement of PostgreSQL each its own; both answer.
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() - before in (0, 1)
    assert sql.job(job.id).id == job.id


def test_a_writer_who_waits_too_long_is_told_to_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_MS", 100)
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    with store._write(), pytest.raises(StoreUnavailable, match="locked"):
        store.submit("x", {})
    store.submit("x", {})
    store.close()


def test_a_full_disk_says_so_and_nothing_is_half_written(tmp_path):
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    with store._read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    before = len(store.jobs()[0])
    with pytest.raises(StoreFull):
        store.submit("x", {"much": "x" * 100_000})
    with store._read() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert len(store.jobs()[0]) == before and store.waiting() == 0
    store.submit("x", {"much": "x" * 100_000})
    store.close()


def test_a_frozen_postgresql_is_an_error_not_a_hang(request, monkeypatch):
    server = request.getfixturevalue("postgres")
    monkeypatch.setattr(postgres.TimedConnection, "answer_seconds", 0.3)
    monkeypatch.setattr(postgres, "CONNECT_SECONDS", 2)
    store = SqlStore(new_database(server))
    store.migrate()
    job, _ = store.submit("x", {})
    frozen = [server.process.pid, *(child.pid for child in psutil.Process(server.process.pid).children())]
    for pid in frozen:
        psutil.Process(pid).send_signal(signal.SIGSTOP)
    try:
        for call in (store.ping, lambda: store.submit("x", {})):
            with pytest.raises(StoreUnavailable):
                call()
    finally:
        for pid in frozen:
            psutil.Process(pid).send_signal(signal.SIGCONT)
    assert store.job(job.id).state.value == "queued"
    store.close()


def plan(store, query):
    explain = "EXPLAIN QUERY PLAN " if store._engine.dialect.name == "sqlite" else "EXPLAIN "
    with store._engine.connect().execution_options(writes=True) as connection:
        return "\n".join(str(row) for row in connection.execute(text(explain + query)))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            "SELECT * FROM jobs WHERE tenant_id = '0' AND id < 'x' AND parent_id IS NULL "
            "ORDER BY id DESC LIMIT 21",
            "ix_jobs_page",
        ),
        (
            "SELECT * FROM jobs WHERE tenant_id = '0' AND state = 'queued' AND parent_id IS NULL "
            "ORDER BY id DESC LIMIT 21",
            "ix_jobs_page",
        ),
        (
            "SELECT * FROM jobs WHERE tenant_id = '0' AND parent_id = 'x' ORDER BY id DESC LIMIT 21",
            "ix_jobs_children",
        ),
        ("SELECT * FROM outbox ORDER BY turn, id LIMIT 1", "ix_outbox_turn"),
        (
            "SELECT * FROM outbox WHERE tenant_id = '0' ORDER BY lane_turn, id LIMIT 1",
            "ix_outbox_lane_turn",
        ),
        (
            "SELECT * FROM jobs WHERE state = 'running' AND lease_until <= 5 ORDER BY lease_until LIMIT 100",
            "ix_jobs_running",
        ),
        ("SELECT id FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 100", "ix_outbox_"),
        ("SELECT count(*) FROM outbox WHERE published_at <= 5", "ix_outbox_published"),
    ],
)
def test_an_index_answers_without_sorting(sql, query, index):
    for number in range(200):
        sql.submit("x", {}, tenant_id=str(number % 40))
    said = plan(sql, query)
    assert index in said
    assert "TEMP B-TREE" not in said and "Sort" not in said
