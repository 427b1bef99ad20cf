"""What every store must do; each adapter is held to all of it."""

import math
import threading
from datetime import UTC, datetime, timedelta

import pytest

from spaces.metric import Observation
from store.database.ids import new_id
from store.jobs.job import (
    MAX_ATTEMPTS,
    IdempotencyConflict,
    IllegalMove,
    InvalidJson,
    JobState,
    LeaseLost,
    NotFound,
)
from store.jobs.replay import replay, row

UNKNOWN = new_id(1.7e9)


def running(store, **options):
    job, _ = store.submit("design", {"seed": 1}, **options)
    return store.claim(job.id, worker="w1", lease_seconds=60)


def seen(name="a", fidelity="full", **values):
    details = {"latency": {"quartiles": [1.0, 1.5], "cpu": "é"}}
    values = values or {"accuracy@x": 91.25}
    return Observation(name, values, "table:x", fidelity=fidelity, seconds=0.5, details=details)


def check_invariants(store, job_id, tenant_id="default"):
    """The log is without gaps, tells the same as the row, and moves only along allowed edges."""
    job = store.job(job_id, tenant_id=tenant_id)
    log = store.events(job_id, tenant_id=tenant_id, limit=10_000)
    assert [event.id for event in log] == list(range(1, len(log) + 1))
    answer = replay(log)
    assert answer == row(job, with_progress=answer["progress"] is not None)
    assert job.attempts_without_progress <= MAX_ATTEMPTS


def test_the_newest_events_of_many_jobs_are_asked_for_at_once(store):
    jobs = [store.submit("design", {"n": number})[0].id for number in range(620)]
    other, _ = store.submit("design", {}, tenant_id="other")
    lease = store.claim(jobs[3], worker="w", lease_seconds=60)
    store.record(lease, kind="evaluated", data={})
    store.cancel(jobs[4])
    keys = [("default", job) for job in jobs] + [("other", other.id)]
    foreign = [("other", jobs[0]), ("default", other.id), ("default", UNKNOWN), ("default", "x\0")]
    newest = store.last_events([*keys, *foreign])
    assert newest == {key: {jobs[3]: 3, jobs[4]: 2}.get(key[1], 1) for key in keys}
    assert store.last_events([]) == {}


# submit


def test_a_submitted_job_is_queued_with_an_outbox_row(store):
    payload = {"space": "gnn", "bounds": [1, 2.5, None, True, "é\u0000\ud800"], "nested": {"a": {}}}
    job, created = store.submit("design", payload, total=7)
    assert created
    assert (job.state, job.attempt, job.done, job.total, job.kind) == (JobState.QUEUED, 0, 0, 7, "design")
    assert job.payload == payload
    assert job.public_state == "queued" and not job.cancel_requested
    assert abs(job.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert job.started_at is None and job.finished_at is None and job.reason is None
    assert [message.job_id for message in store.unpublished()] == [job.id]
    assert store.job(job.id) == job
    assert store.waiting() == 1
    check_invariants(store, job.id)


def test_the_same_key_with_the_same_content_gives_the_same_job(store):
    first, created = store.submit("design", {"a": 1, "b": 2}, idempotency_key="k")
    again, created_again = store.submit("design", {"b": 2, "a": 1}, idempotency_key="k")
    assert created and not created_again
    assert again.id == first.id
    assert len(store.unpublished()) == 1


def test_the_same_key_with_other_content_is_a_conflict(store):
    store.submit("design", {"a": 1}, idempotency_key="k")
    for kind, payload in (("design", {"a": 2}), ("train", {"a": 1})):
        with pytest.raises(IdempotencyConflict):
            store.submit(kind, payload, idempotency_key="k")
    assert len(store.jobs()[0]) == 1


def test_keys_belong_to_a_tenant(store):
    ours, _ = store.submit("design", {}, tenant_id="a", idempotency_key="k" * 5000)
    theirs, created = store.submit("design", {"x": 1}, tenant_id="b", idempotency_key="k" * 5000)
    assert created and ours.id != theirs.id


def test_many_threads_with_one_key_make_one_job(store):
    made = in_threads(16, lambda: store.submit("design", {"a": 1}, idempotency_key="k"))
    assert len({job.id for job, _ in made}) == 1
    assert [created for _, created in made].count(True) == 1


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, {1, 2}, b"x", object()])
def test_what_json_cannot_hold_is_refused(store, bad):
    with pytest.raises(InvalidJson):
        store.submit("design", {"deep": [{"x": bad}]})
    lease = running(store)
    with pytest.raises(InvalidJson):
        store.record(lease, kind="evaluation", data={"x": bad}, done=5)
    with pytest.raises(InvalidJson):
        store.record(lease, kind="evaluation", data={}, done=5, observations=[seen(), seen("b", y=bad)])
    with pytest.raises(InvalidJson):
        store.finish(lease, JobState.SUCCEEDED, result={"x": bad})
    job = store.leased(lease)
    assert job.done == 0 and store.observations(job.id) == [] and len(store.events(job.id)) == 2


def test_a_retry_names_a_job_of_the_same_tenant(store):
    old, _ = store.submit("design", {}, tenant_id="a")
    new, _ = store.submit("design", {}, tenant_id="a", retry_of=old.id)
    assert store.job(new.id, tenant_id="a").retry_of == old.id
    for tenant, wrong in (("b", old.id), ("a", UNKNOWN), ("a", "no id")):
        with pytest.raises(NotFound):
            store.submit("design", {}, tenant_id=tenant, retry_of=wrong)


# reading


def test_another_tenants_job_is_not_found(store):
    job, _ = store.submit("design", {}, tenant_id="a")
    for call in (store.job, store.cancel, store.events, store.result):
        with pytest.raises(NotFound):
            call(job.id, tenant_id="b")
        for wrong in (UNKNOWN, "", "../x", "a\x00b", "x" * 10_000):
            with pytest.raises(NotFound):
                call(wrong, tenant_id="a")
    assert store.jobs(tenant_id="b") == ([], False)
    assert store.job(job.id, tenant_id="a").state is JobState.QUEUED
    assert (store.waiting("a"), store.waiting("b")) == (1, 0)


def test_pages_are_newest_first_and_meet_without_gaps(store):
    ids = [store.submit("design", {"n": n})[0].id for n in range(7)]
    store.submit("design", {}, tenant_id="other")
    assert ids == sorted(ids)
    pages, after, more = [], None, True
    while more:
        page, more = store.jobs(after=after, limit=3)
        assert len(page) <= 3
        pages += [job.id for job in page]
        after = pages[-1]
    assert pages == ids[::-1]
    assert store.jobs(after=ids[0]) == ([], False)
    assert store.jobs(limit=7)[1] is False
    assert len(store.jobs(limit=-5)[0]) == 1
    with pytest.raises(NotFound):
        store.jobs(after="nonsense")


def test_pages_of_one_state(store):
    jobs = [store.submit("design", {"n": n})[0] for n in range(4)]
    store.claim(jobs[1].id, worker="w", lease_seconds=60)
    store.cancel(jobs[2].id)
    assert [job.id for job in store.jobs(state=JobState.QUEUED)[0]] == [jobs[3].id, jobs[0].id]
    assert [job.id for job in store.jobs(state=JobState.RUNNING)[0]] == [jobs[1].id]
    assert [job.id for job in store.jobs(state=JobState.CANCELLED)[0]] == [jobs[2].id]


def test_events_are_read_from_any_point(store):
    lease = running(store)
    numbers = [store.record(lease, kind="evaluation", data={"n": n}) for n in range(5)]
    assert numbers == [3, 4, 5, 6, 7]
    assert [event.data["n"] for event in store.events(lease.job_id, after=4)] == [2, 3, 4]
    assert [event.id for event in store.events(lease.job_id, after=2, limit=2)] == [3, 4]
    assert store.events(lease.job_id, after=7) == store.events(lease.job_id, after=10**30) == []
    assert len(store.events(lease.job_id, after=-3)) == 7
    times = [event.at for event in store.events(lease.job_id)]
    assert times == sorted(times)


# claiming


def test_a_claim_counts_the_attempt_before_the_work(store):
    job, _ = store.submit("design", {})
    lease = store.claim(job.id, worker="w1", lease_seconds=60)
    assert (lease.job_id, lease.worker, lease.attempt) == (job.id, "w1", 1)
    now = store.job(job.id)
    assert (now.state, now.attempt) == (JobState.RUNNING, 1)
    assert now.started_at is not None
    assert store.unpublished() == [] and store.waiting() == 0
    assert store.leased(lease) == now


def test_only_a_queued_job_can_be_claimed(store):
    lease = running(store)
    assert store.claim(lease.job_id, worker="w2", lease_seconds=60) is None
    store.finish(lease, JobState.SUCCEEDED, result={})
    assert store.claim(lease.job_id, worker="w2", lease_seconds=60) is None
    assert store.claim(UNKNOWN, worker="w2", lease_seconds=60) is None
    assert store.claim("nonsense\x00", worker="w2", lease_seconds=60) is None


def in_threads(count, work):
    """Runs the same work in many threads at once; what they returned."""
    gate, results = threading.Barrier(count), []

    def run():
        gate.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == count
    return results


def test_of_many_claims_exactly_one_wins(store):
    for _ in range(5):
        job, _ = store.submit("design", {})
        leases = in_threads(8, lambda job=job: store.claim(job.id, worker="w", lease_seconds=60))
        assert sum(lease is not None for lease in leases) == 1
        assert store.job(job.id).attempt == 1


# working


def test_progress_and_observations_are_stored_with_the_event(store):
    lease = running(store)
    store.record(
        lease,
        kind="evaluation",
        data={"x": [1]},
        done=1,
        total=4,
        message="half\x00way",
        observations=[seen()],
    )
    store.record(lease, kind="note", data={})
    job = store.leased(lease)
    assert (job.done, job.total, job.message) == (1, 4, "half\ufffdway")
    assert store.events(job.id)[2].data == {
        "x": [1],
        "progress": {"done": 1, "total": 4, "message": "half\ufffdway"},
    }
    assert store.observations(job.id) == [seen()]
    check_invariants(store, job.id)


def test_an_observation_is_stored_once(store):
    lease = running(store)
    failed = Observation("c", {}, "training", failed="diverged")
    store.record(lease, kind="e", data={}, observations=[seen("b"), seen("a"), failed])
    store.record(
        lease, kind="e", data={}, observations=[seen("a", z=0.0), seen("a", fidelity="12ep"), seen("b")]
    )
    assert store.observations(lease.job_id) == [seen("b"), seen("a"), failed, seen("a", fidelity="12ep")]
    assert store.observations(UNKNOWN) == []


@pytest.mark.parametrize(
    "bad",
    [
        Observation("a\x00", {}, "s"),
        Observation("a", {}, "\ud800"),
        Observation("a", {}, "s", seconds=math.nan),
        Observation("a", {}, "s", details={"spread": math.inf}),
    ],
)
def test_an_observation_that_would_come_back_changed_is_refused(store, bad):
    lease = running(store)
    with pytest.raises(InvalidJson):
        store.record(lease, kind="e", data={}, observations=[bad])
    assert store.observations(lease.job_id) == []


@pytest.mark.parametrize(
    "state", [JobState.SUCCEEDED, JobState.INFEASIBLE, JobState.FAILED, JobState.CANCELLED]
)
def test_a_finished_job_is_final(store, state):
    lease = running(store)
    result = {"architectures": []} if state in (JobState.SUCCEEDED, JobState.INFEASIBLE) else None
    job = store.finish(lease, state, result=result, reason="because\x00")
    assert (job.state, job.reason, job.public_state) == (state, "because\ufffd", state.value)
    assert job.finished_at >= job.started_at >= job.created_at
    assert store.result(job.id) == result
    again = store.finish(lease, state, result={"other": 1}, reason="other")
    assert again == job and store.result(job.id) == result
    for call in (
        lambda: store.renew(lease, 60),
        lambda: store.record(lease, kind="e", data={}),
        lambda: store.hand_back(lease),
        lambda: store.leased(lease),
        lambda: store.finish(lease, next(s for s in JobState if s.terminal and s is not state)),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert store.cancel(job.id) == job
    assert store.requeue_expired() == []
    check_invariants(store, job.id)


def test_a_job_cannot_finish_in_a_state_that_is_not_terminal(store):
    lease = running(store)
    for state in (JobState.QUEUED, JobState.RUNNING):
        with pytest.raises(IllegalMove):
            store.finish(lease, state)


# cancelling


def test_a_queued_job_is_cancelled_at_once(store):
    job, _ = store.submit("design", {})
    cancelled = store.cancel(job.id)
    assert cancelled.state is JobState.CANCELLED and cancelled.finished_at is not None
    assert store.unpublished() == [] and store.waiting() == 0
    assert store.claim(job.id, worker="w", lease_seconds=60) is None
    check_invariants(store, job.id)


def test_a_running_job_is_cancelling_until_its_work_has_stopped(store):
    lease = running(store)
    assert store.renew(lease, 60) is False
    for _ in range(2):
        job = store.cancel(lease.job_id)
        assert (job.state, job.public_state, job.finished_at) == (JobState.RUNNING, "cancelling", None)
    assert len(store.events(job.id)) == 3
    assert store.renew(lease, 60) is True
    check_invariants(store, job.id)
    assert store.finish(lease, JobState.CANCELLED).public_state == "cancelled"
    check_invariants(store, job.id)


# leases


def test_an_expired_lease_that_nobody_took_may_be_renewed(store):
    job, _ = store.submit("design", {})
    lease = store.claim(job.id, worker="w", lease_seconds=0)
    store.renew(lease, 60)
    assert store.requeue_expired() == []
    assert store.leased(lease).state is JobState.RUNNING


def test_a_stale_lease_writes_nothing(store):
    job, _ = store.submit("design", {})
    stale = store.claim(job.id, worker="w1", lease_seconds=0)
    assert store.requeue_expired() == [job.id]
    queued = store.job(job.id)
    assert (queued.state, queued.attempt) == (JobState.QUEUED, 1)
    assert "w1" in queued.reason
    assert [message.job_id for message in store.unpublished()] == [job.id]
    fresh = None
    for _ in range(2):  # once while it is queued, once while another worker has it
        for call in (
            lambda: store.renew(stale, 60),
            lambda: store.record(stale, kind="e", data={}, done=9, observations=[seen()]),
            lambda: store.finish(stale, JobState.SUCCEEDED, result={"stale": True}),
            lambda: store.hand_back(stale),
            lambda: store.leased(stale),
        ):
            with pytest.raises(LeaseLost):
                call()
        fresh = fresh or store.claim(job.id, worker="w2", lease_seconds=60)
    assert fresh.attempt == 2 and fresh.token != stale.token
    store.finish(fresh, JobState.SUCCEEDED, result={"fresh": True})
    with pytest.raises(LeaseLost):
        store.finish(stale, JobState.SUCCEEDED, result={"stale": True})
    assert store.result(job.id) == {"fresh": True}
    assert store.observations(job.id) == [] and store.job(job.id).done == 0
    check_invariants(store, job.id)


def test_a_job_whose_worker_dies_three_times_is_failed(store):
    job, _ = store.submit("design", {})
    for attempt in (1, 2, 3):
        lease = store.claim(job.id, worker=f"w{attempt}", lease_seconds=0)
        assert lease.attempt == attempt
        store.record(lease, kind="e", data={}, done=attempt)
        assert store.requeue_expired() == [job.id]
    job = store.job(job.id)
    assert (job.state, job.attempt, job.attempts_without_progress) == (JobState.FAILED, 3, 3)
    assert "died 3 times" in job.reason and "w3" in job.reason
    assert store.claim(job.id, worker="w", lease_seconds=60) is None
    assert store.unpublished() == [] and store.result(job.id) is None
    check_invariants(store, job.id)


@pytest.mark.parametrize("progress", ["observation", "checkpoint"])
def test_an_attempt_that_made_progress_does_not_count(store, progress):
    job, _ = store.submit("design", {})

    def die(advances, number=0):
        lease = store.claim(job.id, worker="w", lease_seconds=0)
        for _ in range(2):  # a repeated observation is no progress
            if progress == "observation":
                store.record(lease, kind="e", data={}, observations=[seen(str(number if advances else 0))])
            else:
                store.record(lease, kind="checkpoint", data={}, advances=advances)
        assert store.requeue_expired() == [job.id]
        return store.job(job.id)

    for number in range(5):
        stands = die(True, number)
        assert (stands.state, stands.attempt) == (JobState.QUEUED, number + 1)
        assert stands.attempts_without_progress == 0 and "made progress" in stands.reason
    assert [die(False).attempts_without_progress for _ in range(2)] == [1, 2]
    assert die(True, 9).attempts_without_progress == 0
    assert [die(False).state for _ in range(3)] == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
    assert store.job(job.id).attempt == 11
    check_invariants(store, job.id)


def test_a_cancelling_job_whose_worker_dies_is_cancelled(store):
    job, _ = store.submit("design", {})
    store.claim(job.id, worker="w", lease_seconds=0)
    store.cancel(job.id)
    assert store.requeue_expired() == [job.id]
    assert store.job(job.id).state is JobState.CANCELLED
    check_invariants(store, job.id)


def test_a_live_lease_is_left_alone(store):
    lease = running(store)
    assert store.requeue_expired() == []
    assert store.leased(lease).state is JobState.RUNNING


def test_a_graceful_hand_back_is_not_charged(store):
    job, _ = store.submit("design", {})
    for _ in range(5):
        lease = store.claim(job.id, worker="w", lease_seconds=60)
        assert lease.attempt == 1
        back = store.hand_back(lease)
        assert (back.state, back.attempt, back.attempts_without_progress) == (JobState.QUEUED, 0, 0)
        assert [message.job_id for message in store.unpublished()] == [job.id]
    check_invariants(store, job.id)
    store.cancel(store.claim(job.id, worker="w", lease_seconds=60).job_id)
    with pytest.raises(LeaseLost):
        store.hand_back(lease)
    check_invariants(store, job.id)


def test_a_hand_back_of_a_cancelling_job_cancels_it(store):
    lease = running(store)
    store.cancel(lease.job_id)
    assert store.hand_back(lease).state is JobState.CANCELLED
    assert store.unpublished() == []
    check_invariants(store, lease.job_id)


# outbox


def test_the_outbox_empties_in_order_and_fills_again_when_messages_are_lost(store):
    jobs = [store.submit("design", {"n": n})[0].id for n in range(5)]
    first = store.unpublished(limit=3)
    assert [message.job_id for message in first] == jobs[:3]
    store.mark_published([message.id for message in first])
    assert [message.job_id for message in store.unpublished()] == jobs[3:]
    assert (store.published(0), store.published(3600)) == (3, 0)
    store.claim(jobs[0], worker="w", lease_seconds=60)
    store.cancel(jobs[1])
    assert store.published(0) == 1
    assert store.republish(3600) == 0
    assert store.republish(0) == 1
    assert [message.job_id for message in store.unpublished()] == jobs[2:]
    assert store.published(0) == 0
    store.mark_published([])
    store.mark_published([10**9])


def test_marking_late_does_not_hide_a_job_that_was_given_back(store):
    job, _ = store.submit("design", {})
    old = store.unpublished()
    store.hand_back(store.claim(job.id, worker="w", lease_seconds=60))
    store.mark_published([message.id for message in old])
    assert [message.job_id for message in store.unpublished()] == [job.id]


# roles


def test_a_role_has_one_holder_until_its_time_is_over(store):
    assert store.take_role("relay", "a", 60)
    assert store.take_role("relay", "a", 60)
    assert not store.take_role("relay", "b", 60)
    store.drop_role("relay", "b")
    assert store.roles() == {"relay": "a"}
    store.drop_role("relay", "a")
    assert store.take_role("relay", "b", 0)
    assert store.roles() == {}
    assert store.take_role("relay", "c", 60)
    store.take_role("worker:1", "w1", 60)
    assert store.roles("worker:") == {"worker:1": "w1"}


def test_many_threads_want_a_role_and_one_gets_it(store):
    names = iter("abcdefgh")
    assert in_threads(8, lambda: store.take_role("relay", next(names), 60)).count(True) == 1


def test_the_store_answers_and_names_its_schema(store):
    store.ping()
    assert store.schema_version() == store.migrate()


def test_what_an_evaluation_found_is_kept_once_for_each_tenant(store):
    assert store.found("k") is None
    first = store.keep_found("k", {"accuracy": 91.5, "history": [{"loss": 0.25}]}, job_id="one")
    assert (first.origin, first.content["accuracy"]) == ("one", 91.5)
    assert store.keep_found("k", {"accuracy": 1.0}, job_id="two") == first == store.found("k")
    assert store.found("k", tenant_id="other") is None
    assert store.keep_found("k", {}, job_id="three", tenant_id="other").origin == "three"
    with pytest.raises(InvalidJson):
        store.keep_found("n", {"accuracy": math.nan}, job_id="one")
    assert store.found("n") is None


def test_ids_are_completed_within_their_tenant(store):
    ids = [store.submit("design", {"seed": number})[0].id for number in range(3)]
    store.submit("design", {"seed": 9}, tenant_id="other")
    assert store.ids_beginning("job", ids[0][:4]) == ids[::-1]
    assert store.ids_beginning("job", ids[0][:4], limit=2) == ids[:0:-1]
    assert [store.ids_beginning("job", job_id[:18]) for job_id in ids] == [[job_id] for job_id in ids]
    assert store.ids_beginning("job", ids[1]) == [ids[1]]
    assert store.ids_beginning("job", ids[1][:18], tenant_id="other") == []
    for nothing in ("", ids[0][:3], "%", "____", ids[0] + "0", ids[0][:8] + "_", "\x00\x00\x00\x00"):
        assert store.ids_beginning("job", nothing) == []
    assert store.ids_beginning("study", ids[0][:4]) == store.ids_beginning("predictor", ids[0][:4]) == []
    study, _ = store.create_study({"space": "x"})
    assert store.ids_beginning("study", study.id[:18]) == [study.id]
