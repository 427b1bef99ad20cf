"""The collector: what it keeps, whatever row names it, and what it removes, beside all that works."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import BigInteger, Boolean, Double, Integer, Text, insert

from spaces.metric import Observation
from store.blobs.collector import ForeignBlobs, collect, slot_of
from store.blobs.memory import MemoryBlobs
from store.blobs.references_port import names_in
from store.blobs.references_sql import LOGS
from store.database.tables import metadata
from store.jobs.job import JobState
from store.memory import MemoryStore
from store.predictors.predictor import PredictorSpec, TrainedVersion
from store.sql import SqlStore
from store.tasks.task import TaskContent

GRACE = 100.0
SPEC = PredictorSpec("s", "accuracy@t", "accuracy", "t", None, "gp", None)


class Clocked:
    """Blobs whose clock a test turns."""

    def __init__(self):
        self.now = 0.0
        self.blobs = MemoryBlobs(clock=lambda: self.now)


@pytest.fixture
def clocked():
    return Clocked()


def passes(store, clocked, count=3):
    """So many passes, each longer than the grace time after the one before."""
    for _ in range(count):
        clocked.now += GRACE + 1
        done = collect(store, clocked.blobs, grace_seconds=GRACE)
    return done


def running(store, kind="design", payload=None):
    job, _ = store.submit(kind, payload or {})
    return store.claim(job.id, worker="w", lease_seconds=1e6)


# what names a blob
def in_a_payload(store, name):
    store.submit("design", {"generator": name})


def in_an_ended_jobs_payload(store, name):
    store.finish(running(store, payload={"uploaded": {"embedding": name}}), JobState.FAILED)


def in_a_result(store, name):
    result = {"architectures": [{"evaluation": {"training": {"weights": name}}}]}
    store.finish(running(store), JobState.SUCCEEDED, result=result)


def in_the_details_of_an_observation(store, name):
    seen = Observation("a", {}, "training", details={"training": {"trainings": [{"weights": name}]}})
    store.record(running(store), kind="evaluation", data={}, observations=[seen])


def in_a_predictor(store, name):
    made, job, _ = store.create_predictor(SPEC, [("a", 1.0)])
    lease = store.claim(job.id, worker="w", lease_seconds=1e6)
    store.finish(lease, JobState.SUCCEEDED, trained=TrainedVersion(made.id, 1, name, {}))


def in_an_older_version_of_a_predictor(store, name):
    in_a_predictor(store, name)
    (made,) = store.predictors()[0]
    store.extend_predictor(made.id, [("b", 2.0)], trained=TrainedVersion(made.id, 2, "e" * 64, {}))


def in_an_embedding_whose_task_is_deleted(store, name):
    store.put_task("mine", TaskContent("images:d", "v", name, "images", ("c",), 1, 1))
    store.delete_task("mine")


def in_a_study(store, name):
    store.create_study({"uploaded": {"embedding": name}})


def in_the_training_of_a_space(store, name):
    made, _ = store.put_space("mine", "d", "{}")
    lease = store.claim(made.job_id, worker="w", lease_seconds=1e6)
    store.finish(lease, JobState.SUCCEEDED, result={"generator": f"sha256:{name}"})


NAMED = [
    in_a_payload,
    in_an_ended_jobs_payload,
    in_a_result,
    in_the_details_of_an_observation,
    in_a_predictor,
    in_an_older_version_of_a_predictor,
    in_an_embedding_whose_task_is_deleted,
    in_a_study,
    in_the_training_of_a_space,
]


@pytest.mark.parametrize("put_name", NAMED)
def test_what_a_row_names_stays(store, clocked, put_name):
    name, other = clocked.blobs.put(b"weights"), clocked.blobs.put(b"garbage")
    put_name(store, name)
    done = passes(store, clocked)
    assert list(clocked.blobs.names()) == [name] and list(clocked.blobs.aside()) == []
    assert not clocked.blobs.exists(other)
    assert (done.blobs, done.set_aside, done.purged) == (1, 0, 0)


def test_what_only_a_log_or_the_result_of_a_training_tells_of_goes(store, clocked):
    name = clocked.blobs.put(b"weights")
    store.record(running(store), kind="checkpoint", data={"blob": name})
    in_a_predictor(store, name)
    (made,) = store.predictors()[0]
    in_the_training_of_a_space(store, name)
    store.delete_predictor(made.id)
    passes(store, clocked)
    assert clocked.blobs.exists(name), "the space still names its generator"
    store.delete_space("mine")
    passes(store, clocked)
    assert not clocked.blobs.exists(name)


def test_a_page_after_the_first_is_read_too(store, clocked):
    name = clocked.blobs.put(b"weights")
    for number in range(250):
        store.submit("design", {"generator": name if number == 240 else str(number)})
    passes(store, clocked)
    assert clocked.blobs.exists(name)


# the schema: nothing can be forgotten
TEXTS = [
    pytest.param(table, column, id=f"{table.name}.{column.name}")
    for table in metadata.sorted_tables
    for column in table.columns
    if isinstance(column.type, Text)
]
KNOWN = (Text, Integer, BigInteger, Boolean, Double)


def test_every_column_is_of_a_type_that_is_searched_or_can_hold_no_name():
    for table in metadata.sorted_tables:
        for column in table.columns:
            assert isinstance(column.type, KNOWN), (
                f"teach store/blobs/references_sql.py about {table}.{column}"
            )


def insert_row(connection, table, **values):
    """A row with these values, and whatever else it must have; its parents too."""
    for column in table.columns:
        if column.name in values:
            continue
        if column.foreign_keys:
            values[column.name] = f"parent of {table.name}"
        elif not column.nullable and column.server_default is None and column.identity is None:
            values[column.name] = "x" if isinstance(column.type, Text) else 0
    for column in table.columns:
        for key in column.foreign_keys:
            parent = key.column.table
            known = connection.execute(parent.select().where(key.column == values[column.name])).first()
            if known is None:
                insert_row(connection, parent, **{key.column.name: values[column.name]})
    connection.execute(insert(table).values(values))


@pytest.mark.parametrize(("table", "column"), TEXTS)
def test_a_name_in_any_text_of_any_table_keeps_its_blob(tmp_path, table, column):
    """Generated from the schema: a column that is added later is searched without anybody's doing."""
    name = "5a" * 32
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    with store._write() as connection:
        insert_row(connection, table, **{column.name: name})
    parents = {key.column.table.name for key in column.foreign_keys}
    if table.name in LOGS and not parents:
        assert table.name == "events"
    else:
        assert store.named_blobs({name}) == {name}
    store.close()


def test_a_name_is_found_wherever_it_stands_and_in_longer_runs():
    name = "0123456789abcdef" * 4
    for text in (name, f"sha256:{name}", f'{{"a":["{name}"]}}', f"ff{name}", f"{name}00", f"ab{name}cd"):
        assert names_in([text], {name}) == {name}
    assert names_in([None, 1, name[:-1], name.upper(), name[:32] + " " + name[32:]], {name}) == set()
    assert names_in(["a" * 100_000], {"a" * 64}) == {"a" * 64}


# time
def test_a_blob_within_the_grace_time_is_left_alone_and_putting_it_again_begins_it_anew(store, clocked):
    name = clocked.blobs.put(b"weights")
    clocked.now += GRACE
    assert collect(store, clocked.blobs, grace_seconds=GRACE).set_aside == 0
    clocked.blobs.put(b"weights")
    clocked.now += GRACE
    assert collect(store, clocked.blobs, grace_seconds=GRACE).set_aside == 0
    clocked.now += 1
    assert collect(store, clocked.blobs, grace_seconds=GRACE).set_aside == 1
    clocked.now += GRACE
    assert collect(store, clocked.blobs, grace_seconds=GRACE).purged == 0
    clocked.now += 1
    done = collect(store, clocked.blobs, grace_seconds=GRACE)
    assert (done.purged, done.purged_bytes) == (1, 7) and not clocked.blobs.exists(name)


def test_a_row_that_comes_late_has_its_blob_back(store, clocked):
    """Its name was read from a row that went while another was written, as where a space is deleted."""
    name = clocked.blobs.put(b"weights")
    passes(store, clocked, 1)
    assert [entry.name for entry in clocked.blobs.aside()] == [name]
    in_a_payload(store, name)
    assert passes(store, clocked, 1).restored == 1
    assert list(clocked.blobs.names()) == [name]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(store, clocked):
    clocked.blobs.put(b"weights")
    clocked.blobs.write_slot(slot_of("unknown", "1"), b"")
    clocked.now += GRACE + 1
    answer = collect(store, clocked.blobs, grace_seconds=GRACE, dry_run=True)
    assert (answer.blobs, answer.bytes, answer.set_aside, answer.dropped_slots) == (1, 7, 1, 1)
    assert len(list(clocked.blobs.names())) == 1 == len(list(clocked.blobs.slots()))
    assert collect(store, clocked.blobs, grace_seconds=GRACE).set_aside == 1


def test_slots_go_when_their_job_has_ended(store, clocked):
    lease = running(store)
    slot = slot_of(lease.job_id, "1")
    clocked.blobs.write_slot(slot, b"checkpoint")
    passes(store, clocked)
    assert clocked.blobs.read_slot(slot) == b"checkpoint"
    store.finish(lease, JobState.FAILED)
    assert passes(store, clocked, 1).dropped_slots == 1
    assert clocked.blobs.read_slot(slot) is None


def test_blobs_of_another_database_are_left_alone(store, clocked):
    other = MemoryStore()
    name = clocked.blobs.put(b"weights")
    in_a_payload(store, name)
    passes(store, clocked, 1)
    with pytest.raises(ForeignBlobs, match="NETWRIGHT_BLOB_URL"):
        passes(other, clocked)
    assert clocked.blobs.exists(name)
    collect(other, clocked.blobs, adopt=True)
    with pytest.raises(ForeignBlobs):
        passes(store, clocked)


def test_a_database_keeps_its_identity(store):
    assert store.identity() == store.identity() != MemoryStore().identity()


# races
def test_a_blob_put_between_marking_and_sweeping_stays(store, clocked):
    """The collector has listed it as old and found no row; then others put it again."""
    name = clocked.blobs.put(b"weights")
    clocked.now += GRACE + 1
    marked = store.named_blobs

    def put_meanwhile(names):
        found = marked(names)
        assert name in names
        clocked.blobs.put(b"weights")
        return found

    store.named_blobs = put_meanwhile
    collect(store, clocked.blobs, grace_seconds=GRACE)
    assert list(clocked.blobs.names()) == [name]


def test_a_blob_put_again_just_before_it_is_moved_is_there_for_whoever_asks(store, clocked, monkeypatch):
    """Between the last look at its age and the move there is nothing that could stop a writer."""
    name = clocked.blobs.put(b"weights")
    clocked.now += GRACE + 1
    move = clocked.blobs._move

    def late(*args):
        clocked.blobs.put(b"weights")
        return move(*args)

    monkeypatch.setattr(clocked.blobs, "_move", late)
    collect(store, clocked.blobs, grace_seconds=GRACE)
    monkeypatch.undo()
    in_a_payload(store, name)
    passes(store, clocked)
    assert clocked.blobs.get(name) == b"weights"


def test_writers_and_two_collectors_at_once_lose_nothing(store):
    """Blobs are put and named again and again while two collectors with the shortest grace period run."""
    blobs, over = MemoryBlobs(), threading.Event()
    contents = [f"content {number}".encode() for number in range(8)]

    def collecting():
        while not over.is_set():
            collect(store, blobs, grace_seconds=1.0)

    def writing(number):
        for turn in range(30):
            name = blobs.put(contents[(number + turn) % len(contents)])
            store.submit("design", {"generator": name, "by": [number, turn]})

    collectors = [threading.Thread(target=collecting) for _ in range(2)]
    for thread in collectors:
        thread.start()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(writing, range(4)))
    over.set()
    for thread in collectors:
        thread.join()
    for job in store.jobs(limit=100)[0]:
        assert blobs.get(job.payload["generator"])
