"""What a design hands out, and its checkpoints: both are found again in its events."""

from dataclasses import replace

import pytest

from store.blobs.blobs import Area
from store.blobs.memory import MemoryBlobs
from store.jobs.job import JobState, LeaseLost
from workers.checkpoints import JobCheckpoints
from workers.children import Children
from workers.evaluation_pool import JobEvaluationPool
from workers.handlers import JobContext

OBSERVATION = {"architecture": "a", "values": {"accuracy@x": 1.0}, "source": "test", "seconds": 2.0}


class Design:
    """A running design job whose contexts are made as often as its worker dies."""

    def __init__(self, store):
        self.store, self.blobs = store, MemoryBlobs()
        self.job, _ = store.submit("design", {"space": "s"})
        self.lease = store.claim(self.job.id, worker="w", lease_seconds=600)

    def context(self, stored=()):
        def on_event(kind, *, data, **_):
            self.store.record(self.lease, kind=kind, data=data)

        def past(kind):
            return [event.data for event in self.store.events(self.job.id) if event.kind == kind]

        def unused(*_):
            raise AssertionError

        return JobContext(
            self.job, stored, on_event, lambda: False, unused, lambda: self.blobs, unused,
            past=past, children=Children(self.store, self.job, 2.0), cancelled=lambda: False,
        )  # fmt: skip

    def children(self):
        return [job for job in self.store.jobs()[0] if job.kind == "evaluation"]

    def finish(self, state, **end):
        (child,) = [job for job in self.children() if job.state is JobState.QUEUED]
        lease = self.store.claim(child.id, worker="v", lease_seconds=600)
        self.store.finish(lease, state, **end)


@pytest.fixture
def design(store):
    return Design(store)


def test_a_successor_waits_for_the_same_job_and_collects_it_once(design):
    JobEvaluationPool(design.context()).hand_out("a")
    successor = JobEvaluationPool(design.context())
    assert successor.waiting() == ["a"] and successor.collect() == []
    assert [child.payload for child in design.children()] == [
        {"request": {"space": "s"}, "architecture": "a"}
    ]
    design.finish(JobState.SUCCEEDED, result={"observation": OBSERVATION})
    (seen,) = successor.collect()
    assert (seen.architecture, seen.values, seen.seconds) == ("a", {"accuracy@x": 1.0}, 2.0)
    assert successor.waiting() == [] == successor.collect()
    assert JobEvaluationPool(design.context(stored=(seen,))).waiting() == []


def test_what_an_evaluation_says_of_itself_is_told_by_the_design_once(design):
    pool = JobEvaluationPool(design.context())
    pool.hand_out("a")
    (child,) = design.children()
    lease = design.store.claim(child.id, worker="v", lease_seconds=600)
    for epoch in (1, 2):
        message = f"epoch {epoch} of 2"
        design.store.record(lease, kind="checkpoint", data={}, message=message)
        assert pool.collect() == pool.collect() == []
    answer = [event.data for event in design.store.events(design.job.id) if event.kind == "evaluating"]
    assert [(data["architecture"], data["said"]) for data in answer] == [
        ("a", "epoch 1 of 2"),
        ("a", "epoch 2 of 2"),
    ]


def test_an_evaluation_that_failed_as_a_job_is_a_failed_observation(design):
    pool = JobEvaluationPool(design.context())
    pool.hand_out("a")
    design.finish(JobState.FAILED, reason="its worker died three times")
    (seen,) = pool.collect()
    assert seen.failed == "its worker died three times" and seen.values == {}


def test_only_what_nobody_has_begun_is_taken_back_and_can_be_handed_out_again(design):
    pool = JobEvaluationPool(design.context())
    pool.hand_out("a")
    design.store.claim(design.children()[0].id, worker="v", lease_seconds=600)
    pool.hand_out("b")
    assert pool.take_back() == "b" and pool.take_back() is None and pool.waiting() == ["a"]
    successor = JobEvaluationPool(design.context())
    assert successor.waiting() == ["a"]
    successor.hand_out("b")
    assert sorted(job.state for job in design.children()) == ["cancelled", "queued", "running"]


def test_disbanding_cancels_all(design):
    pool = JobEvaluationPool(design.context())
    pool.hand_out("a")
    pool.hand_out("b")
    pool.disband()
    assert {job.state for job in design.children()} == {JobState.CANCELLED}


def slots(design):
    return [slot.name for slot in design.blobs.slots()]


def test_the_last_checkpoint_is_found_again_and_the_one_before_is_gone(design):
    first = JobCheckpoints(design.context())
    assert first.load("k") is None and first.unfinished is None
    first.save("k", b"one", {"architecture": "a", "epoch": 1})
    first.save("k", b"two", {"architecture": "a", "epoch": 2})
    successor = JobCheckpoints(design.context())
    assert successor.load("k") == b"two" and successor.unfinished == "a"
    assert len(slots(design)) == 1 and list(design.blobs.names()) == []
    successor.drop("k")
    assert slots(design) == [] and successor.load("k") is None


def test_a_lost_checkpoint_costs_only_the_time(design):
    first = JobCheckpoints(design.context())
    first.save("k", b"one", {})
    first.save("l", b"two", {})
    lost, damaged = slots(design)
    design.blobs.drop_slot(lost)
    design.blobs._content[Area.SLOTS, damaged] = 0.0, b"something else"
    successor = JobCheckpoints(design.context())
    assert successor.load("k") is None is successor.load("l")


def test_a_worker_that_lost_its_job_harms_no_checkpoint_of_its_successor(design):
    stale = JobCheckpoints(design.context())
    stale.save("k", b"one", {})
    design.lease = replace(design.lease, token="another")
    with pytest.raises(LeaseLost):
        stale.save("k", b"one again", {})
    assert JobCheckpoints(design.context()).load("k") == b"one again"


def test_equal_checkpoints_of_two_jobs_are_two_blobs(store):
    one, other = Design(store), Design(store)
    other.blobs = one.blobs
    mine, theirs = JobCheckpoints(one.context()), JobCheckpoints(other.context())
    mine.save("k", b"same", {})
    theirs.save("k", b"same", {})
    mine.drop("k")
    assert theirs.load("k") == b"same"
