"""Work that several jobs need: found, done here, or waited for."""

import itertools

import pytest

from search import shared_work
from search.evaluator import Stopped
from search.shared_work import done_once
from store.jobs.job import JobState
from store.memory import MemoryStore
from workers.shared_work import JobSharedWork

IDENTITY = {"architecture": "a", "seed": 0}


@pytest.fixture
def jobs(monkeypatch):
    """Two jobs' shared work over one store, and another tenant's."""
    monkeypatch.setattr(shared_work, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(shared_work, "RENEW_SECONDS", -1.0)
    store = MemoryStore()
    made = [store.submit("design", {"seed": number})[0] for number in range(2)]
    made.append(store.submit("design", {}, tenant_id="other")[0])
    return store, made, [JobSharedWork(store, job, 1.0) for job in made]


def never(_=None):
    raise AssertionError("it was done again")


def test_what_one_job_found_the_next_one_takes_over(jobs):
    store, made, (one, two, other) = jobs
    found, own = done_once(one, IDENTITY, lambda stop: {"accuracy": 91.5}, lambda: False)
    assert own and found == {"accuracy": 91.5, "origin": made[0].id}
    assert done_once(two, IDENTITY, never, lambda: False) == (found, False)
    assert done_once(two, {**IDENTITY, "seed": 1}, lambda stop: {"x": 1}, lambda: False)[1]
    assert (
        done_once(other, IDENTITY, lambda stop: {"accuracy": 1.0}, lambda: False)[0]["origin"] == made[2].id
    )
    assert done_once(None, IDENTITY, lambda stop: {"x": 2}, lambda: False) == ({"x": 2}, True)
    assert store.roles("evaluates:") == {}
    assert store.job(made[0].id).state is JobState.QUEUED


def test_while_one_is_at_it_the_other_waits(jobs):
    store, made, (one, two, other) = jobs
    asked = itertools.count()

    def work(stop):
        assert len(store.roles("evaluates:")) == 1
        with pytest.raises(Stopped):
            done_once(two, IDENTITY, never, lambda: next(asked) >= 3)
        assert done_once(other, IDENTITY, lambda stop: {"y": 1}, lambda: False)[1]
        assert not stop()
        return {"x": 1}

    assert done_once(one, IDENTITY, work, lambda: False)[1] and next(asked) == 4
    looks = itertools.count()

    def kept_meanwhile():
        if next(looks) == 1:
            one.keep("k2", {})
        return False

    assert done_once(two, IDENTITY, never, kept_meanwhile)[0]["origin"] == made[0].id


def test_what_failed_is_free_for_the_next(jobs):
    store, _, (one, two, _) = jobs

    def fails(stop):
        raise ValueError("diverged")

    with pytest.raises(ValueError, match="diverged"):
        done_once(one, IDENTITY, fails, lambda: False)
    assert store.roles("evaluates:") == {}
    assert done_once(two, IDENTITY, lambda stop: {"x": 1}, lambda: False)[1]
