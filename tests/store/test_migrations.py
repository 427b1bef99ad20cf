"""Migrations, up and down, on both databases; the tables they make are the tables the code means."""

import multiprocessing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text

from store.database import migrations
from store.database.tables import metadata
from store.jobs.job import JobState, SchemaMismatch
from store.spaces.space import SpaceSummary
from store.sql import SqlStore


@pytest.fixture
def empty(database_url):
    made = SqlStore(database_url)
    yield made
    made.close()


def test_migrations_make_the_tables_that_the_code_means(empty):
    assert empty.schema_version() is None
    newest = empty.migrate()
    assert empty.schema_version() == newest == empty.migrate()
    # A plain connection: looking at every table may take longer than the store waits for an answer.
    plain = create_engine(empty._engine.url)
    with plain.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            made = {index["name"] for index in inspector.get_indexes(table.name)}
            assert {index.name for index in table.indexes} <= made
            unique = {frozenset(key["column_names"]) for key in inspector.get_unique_constraints(table.name)}
            meant = {
                frozenset(column.name for column in key.columns)
                for key in table.constraints
                if type(key).__name__ == "UniqueConstraint"
            }
            assert meant == unique
            keys = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert set(keys) == {column.name for column in table.primary_key}
    plain.dispose()


def test_down_to_nothing_and_up_again(empty):
    empty.migrate()
    job, _ = empty.submit("design", {})
    assert empty.downgrade("base") is None
    with empty._engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    with pytest.raises(SchemaMismatch):
        empty.submit("design", {})
    empty.migrate()
    assert empty.jobs() == ([], False)
    assert empty.submit("design", {})[0].id > job.id


def test_a_space_of_an_older_version_is_kept_without_what_lists_say_of_it(empty):
    empty.migrate()
    empty.downgrade("0009")
    values = {"name": "mine", "digest": "d", "declaration": "{}", "created_at": 1.0, "tenant_id": "default"}
    names = ", ".join(values)
    insert = f"INSERT INTO user_spaces ({names}) VALUES ({', '.join(f':{name}' for name in values)})"
    with empty._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text(insert), values)
    empty.migrate()
    assert empty.space("mine").declaration == "{}"
    assert empty.space_summaries() == [SpaceSummary("mine", None, None)]


def test_a_job_of_an_older_version_goes_on_with_the_attempts_that_it_had(empty):
    empty.migrate()
    ids = [empty.submit("design", {"seed": number})[0].id for number in range(3)]
    empty.downgrade("0010")
    states = [("queued", 2), ("running", 3), ("succeeded", 3)]
    with empty._engine.connect().execution_options(writes=True) as connection, connection.begin():
        for job_id, (state, attempt) in zip(ids, states, strict=True):
            values = {"id": job_id, "state": state, "attempt": attempt}
            change = "UPDATE jobs SET state = :state, attempt = :attempt, worker = 'w', lease_until = 0"
            connection.execute(text(f"{change} WHERE id = :id"), values)
    empty.migrate()
    assert [empty.job(job_id).attempts_without_progress for job_id in ids] == [2, 3, 0]
    assert empty.requeue_expired() == [ids[1]]
    assert empty.job(ids[1]).state is JobState.FAILED
    lease = empty.claim(ids[0], worker="w", lease_seconds=0)
    assert lease.attempt == 3
    empty.record(lease, kind="checkpoint", data={}, advances=True)
    empty.requeue_expired()
    assert empty.job(ids[0]).state is JobState.QUEUED


def test_an_unmigrated_database_says_so(empty):
    with pytest.raises(SchemaMismatch, match="migrations"):
        empty.jobs()


def test_a_database_from_the_future_is_refused(empty):
    empty.migrate()
    with empty._engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(SchemaMismatch, match="future"):
        empty.migrate()


def migrate_in_process(url, results):
    store = SqlStore(url)
    results.put(store.migrate())
    store.close()


def test_many_processes_may_migrate_at_once(database_url):
    fresh = multiprocessing.get_context("spawn")
    results = fresh.Queue()
    processes = [fresh.Process(target=migrate_in_process, args=(database_url, results)) for _ in range(4)]
    for process in processes:
        process.start()
    versions = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(versions) == 1
    store = SqlStore(database_url)
    store.submit("design", {})
    store.close()


def test_every_step_has_a_number_of_its_own_and_follows_the_one_before():
    folder = Path(migrations.__file__).parent / "versions"
    numbers = sorted(path.name[:4] for path in folder.glob("[0-9]*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
