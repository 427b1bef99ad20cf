"""Batches and turns: every adapter is held to all of it."""

import threading
from collections import Counter

import pytest

from store.batches.batch import BatchItem, NothingToRepeat
from store.jobs.job import IdempotencyConflict, IllegalMove, InvalidJson, JobState, NotFound
from tests.store.test_contract import check_invariants


def items(count):
    return [BatchItem({"n": n}, total=n, label={"task": f"t{n}"}) for n in range(count)]


def order(store, count=3, **options):
    batch, created = store.submit_batch("design", items(count), **options)
    assert created
    return batch, [child.job.id for child in store.children(batch.id, limit=1000)[0]]


def end(store, job_id, state=JobState.SUCCEEDED, **options):
    lease = store.claim(job_id, worker="w", lease_seconds=60)
    result = {"of": job_id} if state in (JobState.SUCCEEDED, JobState.INFEASIBLE) else None
    return store.finish(lease, state, result=result, **options)


def check(store, batch_id):
    """The parent's row, its log and a count over its children say the same."""
    check_invariants(store, batch_id)
    batch = store.job(batch_id)
    children = store.children(batch_id, limit=1000)[0]
    assert batch.done == sum(child.job.state.terminal for child in children)
    assert batch.state.terminal == all(child.job.state.terminal for child in children)
    answer = [event.data for event in store.events(batch_id, limit=10_000) if event.kind == "child"]
    own = {child.job.id: child for child in children if child.job.parent_id == batch_id}
    assert {data["job"]: data["state"] for data in answer} == {
        job: child.job.state for job, child in own.items() if child.job.state.terminal
    }
    assert all(own[data["job"]].position == data["index"] for data in answer)
    for child in own.values():
        check_invariants(store, child.job.id)


def test_a_batch_runs_from_its_first_child_to_its_last(store):
    batch, ids = order(store, idempotency_key="k")
    assert (batch.kind, batch.state, batch.done, batch.total, batch.children) == ("batch", "queued", 0, 3, 3)
    assert store.waiting() == 3 == len(store.unpublished())
    assert store.claim(batch.id, worker="w", lease_seconds=60) is None
    assert store.submit_batch("design", items(3), idempotency_key="k") == (batch, False)
    with pytest.raises(IdempotencyConflict):
        store.submit_batch("design", items(4), idempotency_key="k")
    with pytest.raises(InvalidJson):
        store.submit_batch("design", [*items(2), BatchItem({"x": float("nan")})])
    assert [job.id for job in store.jobs()[0]] == [batch.id]
    assert {job.id for job in store.jobs(parent_id=batch.id)[0]} == set(ids)
    assert [store.job(job).payload for job in ids] == [{"n": 0}, {"n": 1}, {"n": 2}]
    lease = store.claim(ids[1], worker="w", lease_seconds=60)
    assert (store.job(batch.id).state, store.job(batch.id).attempt) == (JobState.RUNNING, 1)
    assert store.requeue_expired() == [] and store.result(batch.id) is None
    store.finish(lease, JobState.FAILED, reason="no luck")
    store.finish(lease, JobState.FAILED, reason="told twice")
    check(store, batch.id)
    assert (store.job(batch.id).done, store.job(batch.id).message) == (1, "1 failed")
    end(store, ids[0])
    end(store, ids[2], JobState.INFEASIBLE)
    ended = store.job(batch.id)
    assert (ended.state, ended.done) == (JobState.SUCCEEDED, 3)
    assert ended.reason == "1 succeeded, 1 infeasible, 1 failed"
    assert store.result(batch.id) == {
        "designs": [
            {"index": 0, "task": "t0", "id": ids[0], "state": "succeeded", "reason": None},
            {"index": 1, "task": "t1", "id": ids[1], "state": "failed", "reason": "no luck"},
            {"index": 2, "task": "t2", "id": ids[2], "state": "infeasible", "reason": None},
        ],
        "counts": {"succeeded": 1, "failed": 1, "infeasible": 1},
    }
    check(store, batch.id)
    page, more = store.children(batch.id, after=0, limit=1)
    assert more and [(child.position, child.result) for child in page] == [(1, None)]
    assert store.children(batch.id, after=1)[0][0].result == {"of": ids[2]}
    with pytest.raises(NotFound):
        store.children(batch.id, tenant_id="other")
    assert store.children(ids[0]) == ([], False)


def test_cancelling_a_batch_waits_for_what_runs(store):
    batch, ids = order(store, 5)
    end(store, ids[0])
    lease = store.claim(ids[1], worker="w", lease_seconds=60)
    for _ in range(2):
        assert store.cancel(batch.id).public_state == "cancelling"
        check(store, batch.id)
    assert store.waiting() == 0 and store.job(ids[1]).public_state == "cancelling"
    assert store.claim(ids[2], worker="w", lease_seconds=60) is None
    store.hand_back(lease)
    ended = store.job(batch.id)
    assert (ended.state, ended.reason) == (JobState.CANCELLED, "1 succeeded, 4 cancelled")
    assert store.cancel(batch.id) == ended
    check(store, batch.id)
    other, _ = order(store, 4)
    assert store.cancel(other.id).state is JobState.CANCELLED
    check(store, other.id)


def test_a_retry_repeats_only_what_got_no_answer(store):
    batch, ids = order(store, 4)
    with pytest.raises(IllegalMove):
        store.retry_batch(batch.id)
    end(store, ids[0])
    end(store, ids[2], JobState.INFEASIBLE)
    end(store, ids[1], JobState.FAILED, reason="no luck")
    store.cancel(ids[3])
    assert store.job(batch.id).state is JobState.SUCCEEDED
    again, created = store.retry_batch(batch.id)
    assert created and store.retry_batch(batch.id) == (again, False)
    assert (again.retry_of, again.done, again.total) == (batch.id, 2, 4)
    children = store.children(again.id)[0]
    assert [child.job.id in ids for child in children] == [True, False, True, False]
    assert [child.job.payload["n"] for child in children] == [0, 1, 2, 3]
    assert [child.label["task"] for child in children] == ["t0", "t1", "t2", "t3"]
    assert store.waiting() == 2
    for child in children:
        if not child.job.state.terminal:
            end(store, child.job.id)
    assert store.job(again.id).reason == "3 succeeded, 1 infeasible"
    check(store, again.id)
    check(store, batch.id)
    with pytest.raises(NothingToRepeat):
        store.retry_batch(again.id)
    with pytest.raises(NotFound):
        store.retry_batch(ids[0])


def test_a_batch_fails_where_no_child_got_an_answer_and_a_dead_worker_loses_none(store):
    batch, ids = order(store, 2)
    for attempt in range(3):
        store.claim(ids[0], worker="w", lease_seconds=0)
        assert store.requeue_expired() == [ids[0]]
        assert store.job(batch.id).state is JobState.RUNNING and store.job(batch.id).done == (attempt == 2)
    end(store, ids[1], JobState.FAILED, reason="no luck")
    ended = store.job(batch.id)
    assert (ended.state, ended.reason) == (JobState.FAILED, "2 failed")
    assert len(store.result(batch.id)["designs"]) == 2
    check(store, batch.id)


def test_children_that_end_at_once_end_the_batch_once(store):
    batch, ids = order(store, 12)
    leases = [store.claim(job, worker="w", lease_seconds=60) for job in ids]
    gate = threading.Barrier(4)

    def finish(mine):
        gate.wait()
        for lease in mine:
            store.finish(lease, JobState.SUCCEEDED, result={})

    threads = [threading.Thread(target=finish, args=(leases[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.job(batch.id).state is JobState.SUCCEEDED
    check(store, batch.id)


# turns


def served(store, count):
    """The jobs that the next messages bring workers to."""
    jobs = []
    for _ in range(count):
        lease = store.claim_next("any", worker="w", lease_seconds=60)
        jobs.append(store.leased(lease))
    return jobs


def test_tenants_are_served_in_equal_shares(store):
    store.submit_batch("design", items(40), tenant_id="a")
    for n in range(6):
        store.submit("design", {"n": n}, tenant_id="b")
    served(store, 3)
    store.submit_batch("design", items(8), tenant_id="c")
    first = served(store, 16)
    shares = Counter(job.tenant_id for job in first)
    assert max(shares.values()) - min(shares.values()) <= 2, shares
    late, _ = store.submit("design", {}, tenant_id="late")
    assert late.id in [job.id for job in served(store, 4)]
    rest = served(store, 40 + 6 + 8 + 1 - 3 - 16 - 4)
    assert Counter(job.tenant_id for job in rest)["a"] >= 25
    assert store.claim_next("any", worker="w", lease_seconds=60) is None


def test_a_tenants_single_design_does_not_wait_for_his_batches(store):
    one, _ = store.submit_batch("design", items(30))
    other, _ = store.submit_batch("design", items(10))
    served(store, 4)
    single, _ = store.submit("design", {})
    jobs = served(store, 6)
    assert single.id in [job.id for job in jobs]
    assert Counter(job.parent_id for job in jobs)[one.id] in (2, 3)
    # Within a batch the order is kept.
    mine = [job.payload["n"] for job in jobs if job.parent_id == other.id]
    assert mine == sorted(mine)


def test_every_queued_job_keeps_a_message(store):
    for n in range(5):
        store.submit("design", {"n": n}, tenant_id="a")
    sent = {row.job_id: row.id for row in store.unpublished()}
    store.mark_published(list(sent.values()))
    new, _ = store.submit("design", {}, tenant_id="b")
    messages = list(sent)
    first = served(store, 1)[0]
    lease = store.claim_next(messages[-1], worker="w", lease_seconds=60)
    assert store.leased(lease).id == new.id  # taken by another's message, before it had one of its own
    # Four are queued; three messages are on their way: the fourth is sent again.
    assert [row.job_id for row in store.unpublished()] == [messages[-1]]
    store.mark_published([sent[messages[-1]]])
    assert [row.job_id for row in store.unpublished()] == [messages[-1]]
    assert store.published(0) == 3 and first.id == messages[0]
