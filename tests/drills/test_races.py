"""Equal requests at once, against real servers of both kinds, while the collector runs every second.

``NETWRIGHT_TEST_ROUNDS=100`` is the long form.
"""

import os
import time
from contextlib import closing

import pytest

from experiments.reliability.races import RACES, Raced, lost_blobs, observing, trained_predictor
from experiments.reliability.stack import STACKS, missing, serving
from store.blobs.urls import open_blobs
from store.sql import SqlStore

ROUNDS = int(os.environ.get("NETWRIGHT_TEST_ROUNDS", "2"))
SETTINGS = {
    "NETWRIGHT_COLLECT_SECONDS": "1",
    # Beyond what a busy machine may need between putting a blob and naming it.
    "NETWRIGHT_BLOB_GRACE_SECONDS": "20",
    "NETWRIGHT_LOG_LEVEL": "INFO",
}


def wait(condition, seconds=180.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


@pytest.fixture(scope="module", params=STACKS)
def served(request, tables):
    if (why := missing(request.param)) is not None:
        pytest.skip(why)
    settings = SETTINGS | {"NETWRIGHT_CACHE_DIR": str(tables.cache_dir), "OMP_NUM_THREADS": "1"}
    with serving(request.param, workers=1, environment=settings) as made:
        yield made


@pytest.fixture(scope="module")
def predictor(served):
    return trained_predictor(served.target(), wait)


def run(race, served, rounds):
    total = Raced()
    for number in range(rounds):
        total.add(race(served.target(), number))
    assert total.faults == [], dict(total.answers)


def nothing_is_lost(served):
    blobs = open_blobs((served.folder / "data" / "blobs").as_uri())
    with closing(SqlStore(served.database_url)) as store:
        assert lost_blobs(store, blobs) == []
        return store.jobs(limit=100)[0]


def test_observing_at_once_loses_no_weights(served, predictor):
    run(observing(predictor), served, ROUNDS)
    assert not [job for job in nothing_is_lost(served) if job.kind == "predictor" and job.state == "failed"]


@pytest.mark.parametrize("name", RACES)
def test_whatever_is_asked_by_four_at_once_is_done_once(served, predictor, name):
    run(RACES[name], served, ROUNDS)
    nothing_is_lost(served)


def test_the_relay_collected_meanwhile(served, predictor):
    wait(lambda: "blobs collected" in served.log())
    nothing_is_lost(served)
    assert "blobs not collected" not in served.log()
