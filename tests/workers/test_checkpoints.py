"""Checkpoints of a job: which of them are progress."""

from types import SimpleNamespace

import pytest

from store.blobs.memory import MemoryBlobs
from workers.checkpoints import JobCheckpoints


class _Job:
    """A job's context: its events, and whether each advanced it."""

    def __init__(self):
        self.blobs = MemoryBlobs()
        self.events = []
        self.advanced = []

    def attempt(self):
        def on_event(kind, *, data, message, advances, **_):
            self.events.append(data)
            self.advanced.append(advances)

        return JobCheckpoints(
            SimpleNamespace(
                job=SimpleNamespace(id="0199aaaa-0000-7000-8000-000000000000"),
                past=lambda kind: list(self.events),
                on_event=on_event,
                blobs=lambda: self.blobs,
            )
        )


@pytest.fixture
def job():
    return _Job()


def place(epoch, step=0):
    return {"architecture": "a", "epoch": epoch, "step": step}


def test_only_a_checkpoint_that_is_further_than_all_before_is_progress(job):
    first = job.attempt()
    for each in (place(0, 5), place(1), place(1, 5)):
        first.save("a", b"1", each)
    first.save("b", b"2", place(0, 1))
    assert job.advanced == [True] * 4
    # The checkpoint was lost: what is trained again is none, what comes behind it is.
    successor = job.attempt()
    for each in (place(0, 5), place(1), place(1, 5), place(2)):
        successor.save("a", b"1", each)
    successor.save("b", b"2", place(0, 1))
    assert job.advanced[4:] == [False, False, False, True, False]
    assert successor.unfinished == "a" and successor.load("a") == b"1"
