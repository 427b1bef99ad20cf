"""The collector as processes that are frozen and killed, beside processes that put blobs and name them."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest

from store.blobs.urls import open_blobs
from store.jobs.job import JobState
from store.sql import SqlStore
from tests.servers import new_database

SECONDS = float(os.environ.get("NETWRIGHT_TEST_SECONDS", "12"))
GRACE = 3.0
"""What a writer needs between a blob and its row are milliseconds; a pass is some too."""

COLLECTOR = """
import sys
from store.blobs.urls import open_blobs
from store.blobs.collector import collect
from store.sql import SqlStore
store, blobs = SqlStore(sys.argv[1]), open_blobs(sys.argv[2])
while True:
    done = collect(store, blobs, grace_seconds=float(sys.argv[3]))
    print(done.set_aside, done.restored, done.purged, flush=True)
"""
WRITER = """
import random, sys, time
from store.blobs.urls import open_blobs
from store.jobs.job import JobState
from store.sql import SqlStore
store, blobs, chance = SqlStore(sys.argv[1]), open_blobs(sys.argv[2]), random.Random(int(sys.argv[3]))
while True:
    # One of a few contents, so that what one names another has just let go; other ones every few seconds,
    # and now and then those from before, just when they are set aside or purged.
    window = int(time.monotonic() // 3) - (chance.randrange(1, 5) if chance.random() < 0.2 else 0)
    # Of all writers, or of this one alone.
    which = chance.randrange(20) if chance.random() < 0.5 else chance.random()
    content = f"content {window} {which}".encode()
    name = blobs.put(content)
    if chance.random() < 0.2:
        continue  # nothing ever names it
    if chance.random() < 0.1:
        time.sleep(chance.random() * 1.5)  # held up between the two, for half of the grace time at most
    place = f"s{chance.randrange(100_000)}_{sys.argv[3]}"
    made, _ = store.put_space(place, "d", '{"name": "%s"}' % name, most=10**6)
    print(made.name, flush=True)
    if chance.random() < 0.5:
        time.sleep(chance.random() * 0.05)
        store.delete_space(made.name)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'store.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres"))
    with closing(SqlStore(url)) as store:
        store.migrate()
    return url


class Child:
    """A process of ours, its output in a file."""

    def __init__(self, folder, name, script, *arguments):
        self.path = folder / f"{name}.out"
        self.command = [sys.executable, "-c", script, *map(str, arguments)]
        self.start()

    def start(self):
        with self.path.open("ab") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=subprocess.STDOUT)

    def end(self):
        self.process.kill()
        self.process.wait()

    def lines(self):
        return self.path.read_text().splitlines()


def test_nothing_that_is_named_is_lost_while_collectors_are_frozen_and_killed(database, tmp_path):
    chance = random.Random(31)
    url = (tmp_path / "blobs").as_uri()
    blobs = open_blobs(url)
    kept = blobs.put(b"named before all")
    with closing(SqlStore(database)) as store:
        store.submit("any", {"generator": kept})
    collectors = [Child(tmp_path, f"collector{n}", COLLECTOR, database, url, GRACE) for n in range(2)]
    writers = [Child(tmp_path, f"writer{n}", WRITER, database, url, n) for n in range(3)]
    try:
        deadline = time.monotonic() + 60
        while not all(child.lines() for child in (*collectors, *writers)):
            assert time.monotonic() < deadline, [child.lines()[-3:] for child in (*collectors, *writers)]
            time.sleep(0.1)
        over = time.monotonic() + SECONDS
        while time.monotonic() < over:
            # In the middle of whatever it does, for longer than a pass and less than the grace time.
            child = chance.choice(collectors)
            child.process.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0.05, GRACE / 3))
            child.process.send_signal(signal.SIGCONT)
            if chance.random() < 0.3:
                child.end()
                child.start()
            time.sleep(chance.uniform(0, 0.2))
    finally:
        for child in (*writers, *collectors):
            child.end()
    said = [line for child in (*writers, *collectors) for line in child.lines()]
    assert not [line for line in said if "Error" in line]
    with closing(SqlStore(database)) as store:
        named = {space.declaration.split('"')[3] for space in store.spaces()} | {kept}
        lost = [name for name in named if not blobs.exists(name)]
        assert lost == []
        assert len(named) > 5 and store.jobs(state=JobState.QUEUED)
    answer = [line.split() for child in collectors for line in child.lines()]
    assert any(int(each[0]) for each in answer if len(each) == 3), "nothing was set aside"
