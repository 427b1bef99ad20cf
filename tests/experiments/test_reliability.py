"""The harness of the reliability rows: it sees a service that suffers, and one that does not."""

import os
import signal
import time

import pytest

from experiments.reliability import uploads
from experiments.reliability.case import ATTACK, CASES, Case, measured
from experiments.reliability.comparison import all_cases
from experiments.reliability.drill import drill
from experiments.reliability.honest import Diary
from experiments.reliability.invariants import violations
from experiments.reliability.orders import DESIGN
from experiments.reliability.probe import EVERY_SECONDS, Seen
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, call
from store.blobs.urls import open_blobs
from store.jobs.job import JobState
from store.sql import SqlStore


@pytest.fixture(scope="module")
def served():
    """A stack without workers."""
    with serving("sqlite-valkey", workers=0) as made:
        yield made


def test_a_percentile_counts_the_requests_that_one_long_answer_hides():
    seen = Seen(latencies_s=[0.001] * 99 + [20 * EVERY_SECONDS])
    assert seen.percentile_ms(50) == 1
    # 20 of 119: the hidden ones waited 0.1, 0.2 … 2 s.
    assert seen.percentile_ms(99) > 1000 * 15 * EVERY_SECONDS
    assert seen.percentile_ms(100) == 1000 * 20 * EVERY_SECONDS


def test_a_drill_sees_what_an_attacker_got_and_leaves_the_service_as_it_was(served):
    def attack(target):
        assert target.source != "127.0.0.1"
        answers = Answers()
        for path in ("/healthz", "/v1/jobs", "/nowhere"):
            answers.note(call(target, "GET", path)[0])
        return answers

    done = drill(served, attack)
    assert done.answers == {"200": 2, "404": 1}
    assert (done.answers_after, done.unanswered, done.restarts, done.tracebacks) == (True, {}, 0, 0)
    assert done.api_mb > 50 and 0 < done.healthz_p50_ms <= done.healthz_p99_ms <= done.healthz_max_ms
    beyond = Case("T", "nothing", ATTACK, lambda stack, full: None).beyond(measured(done).figures)
    assert not [figure for figure in beyond if not figure.startswith("healthz")]  # the machine may be busy


def test_a_drill_sees_a_service_that_does_not_answer(served):
    (api,) = served.roles("api")

    def freeze(target):
        os.kill(api, signal.SIGSTOP)
        try:
            time.sleep(1.5)
            return Answers({str(call(target, "GET", "/healthz", seconds=0.5)[0]): 1})
        finally:
            os.kill(api, signal.SIGCONT)

    done = drill(served, freeze)
    assert done.answers == {"silent": 1}
    assert done.healthz_max_ms >= 1500 and done.healthz_p99_ms > 500
    assert measured(done).figures["answers-5xx-or-none"] == 1
    assert done.answers_after


def test_what_does_not_hold_of_jobs_is_named(served):
    job = call(served.target(), "POST", "/v1/designs", DESIGN)[1]["id"]
    assert violations(served.database_url, [job, "lost"], 0.0) == [
        f"{job} is still queued",
        "lost was accepted and is not there",
    ]
    store = SqlStore(served.database_url)
    lease = store.claim(job, worker="test", lease_seconds=60)
    store.finish(lease, JobState.SUCCEEDED, result={})
    assert violations(served.database_url, [job], 0.0) == []
    with store._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET state = 'failed' WHERE id = '{job}'")
    store.close()
    found = violations(served.database_url, [job], 0.0)
    assert found[0] == f"{job} is failed with a result" and "the log says" in found[1]


def test_a_data_set_arrives_whole_over_a_line_that_is_cut_to_an_api_that_is_killed(served, tmp_path):
    path = tmp_path / "large.zip"
    uploads.archive(path, 30)
    with uploads.watched(served) as seen:
        arrived = uploads.upload(served, path)
    assert (arrived.breaks, arrived.kills, seen.lost) == (uploads.CUTS, 1, 0)
    assert seen.acknowledged <= arrived.bytes < arrived.sent
    # A break costs what was on its way: never more than a request, which is one piece.
    assert arrived.sent_twice_mb < 9
    assert 50 < seen.memory_mb["api"] < 300
    store, blobs = SqlStore(served.database_url), open_blobs((served.data / "blobs").as_uri())
    kept, job = store.dataset(uploads.NAME), store.job(arrived.job)
    store.close()
    assert b"".join(blobs.get(piece.blob) for piece in kept.pieces) == path.read_bytes()
    assert job.payload["length"] == arrived.bytes


def test_a_diary_of_nothing_promises_nothing():
    assert Diary().p95("design") == float("inf")
    assert Diary(seconds={"design": [1.0, 2.0, 30.0]}).p95("design") == 30.0


def test_every_row_of_the_issue_is_known():
    known = all_cases()
    rows = {
        "D1",
        "F16",
        "F17",
        "F18",
        "L8",
        "L9",
        "L10",
        "X10",
        "X11",
        "X12",
        "X13",
        "X14",
        "X15",
        "X16",
        "M1",
    }
    assert rows == set(known) == set(CASES)
    assert all(each.goals for each in known.values())
