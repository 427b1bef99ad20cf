"""What every store must do with priorities and with workers that take only some jobs."""

from collections import Counter

import pytest

from store.batches.batch import BatchItem
from store.jobs.place import ALL, GPU, TRAINING, Takes, place_of, placed
from workers.worker import taken_now

TRAINED = {"evaluator": {"accuracy": "training"}, "evaluations": 2}


def order(store, n, *, priority=0, label=None, tenant="default", **payload):
    job, _ = store.submit("design", {"n": n, **payload} | placed(priority, label), tenant_id=tenant)
    return job.id


def served(store, count, takes=ALL):
    leases = [store.claim_next("any", worker="w", lease_seconds=60, takes=takes) for _ in range(count)]
    return [None if lease is None else store.leased(lease).payload.get("n") for lease in leases]


def test_a_tenants_jobs_go_by_priority_and_then_by_age(store):
    for n, priority in enumerate((0, -5, 5, 0, 5, 100)):
        order(store, n, priority=priority)
    assert served(store, 6) == [5, 2, 4, 0, 3, 1]


def test_priority_does_not_take_another_tenants_turns(store):
    for n in range(12):
        order(store, n, priority=100, tenant="loud")
    for n in range(6):
        order(store, n, tenant="quiet")
    jobs = [store.leased(store.claim_next("any", worker="w", lease_seconds=60)) for _ in range(10)]
    shares = Counter(job.tenant_id for job in jobs)
    assert abs(shares["loud"] - shares["quiet"]) <= 2, shares


def test_priority_outlives_a_hand_back_an_expiry_and_a_batch(store):
    store.submit_batch("design", [BatchItem({"n": "batch"} | placed(7, None))])
    urgent = order(store, "urgent", priority=9)
    order(store, "usual")
    lease = store.claim_next("any", worker="w", lease_seconds=60)
    assert lease.job_id == urgent
    store.hand_back(lease)
    lease = store.claim_next("any", worker="w", lease_seconds=-1)
    assert lease.job_id == urgent and store.requeue_expired() == [urgent]
    assert served(store, 3) == ["urgent", "batch", "usual"]


def test_a_worker_takes_only_its_queues(store):
    order(store, "design")
    order(store, "trains", **TRAINED)
    order(store, "labelled", label="large", priority=50)
    store.submit("dataset", {"n": "dataset"})
    for text, right in (("training", ["trains", None]), ("dataset, large", ["labelled", "dataset", None])):
        assert sorted(map(str, served(store, len(right), Takes.read(text)))) == sorted(map(str, right))
    assert served(store, 2) == ["design", None]


def test_who_takes_all_takes_no_labels(store):
    order(store, "labelled", label="large", priority=50)
    assert served(store, 1) == [None]
    assert served(store, 1, Takes.read("large")) == ["labelled"]


def test_a_message_that_brought_the_wrong_worker_is_sent_again(store):
    job = order(store, "trains", **TRAINED)
    (row,) = store.unpublished()
    store.mark_published([row.id])
    others = Takes.read("dataset")
    assert store.claim_next(job, worker="w", lease_seconds=60, takes=others) is None
    (again,) = store.unpublished()
    assert again.job_id == job and again.id != row.id
    # The message of a job that is gone stands for one that still waits.
    store.mark_published([again.id])
    assert store.claim_next("gone", worker="w", lease_seconds=60, takes=others) is None
    assert [row.job_id for row in store.unpublished()] == [job]
    assert store.claim_next(job, worker="w", lease_seconds=60).job_id == job
    assert store.claim_next(job, worker="w", lease_seconds=60, takes=others) is None
    assert store.unpublished() == []


def test_trainings_are_left_to_workers_with_a_gpu_while_there_are_any(store):
    order(store, "trains", **TRAINED)
    order(store, "design")
    store.take_role(f"{GPU}w1", "w1", 60)
    assert served(store, 2, taken_now(store, ALL, False)) == ["design", None]
    assert taken_now(store, ALL, True) == ALL
    asked = Takes.read(TRAINING)
    assert taken_now(store, asked, False) == asked  # who names them takes them
    store.drop_role(f"{GPU}w1", "w1")
    assert served(store, 1, taken_now(store, ALL, False)) == ["trains"]


@pytest.mark.parametrize(
    ("kind", "payload", "queue"),
    [
        ("design", {"evaluator": "training", "evaluations": 1}, "training"),
        ("design", {"evaluator": "training", "evaluations": 0}, "design"),
        ("design", {"evaluator": {"latency_ms": "latency"}, "evaluations": 1}, "design"),
        ("evaluation", {"request": {"evaluator": "training", "evaluations": 1}}, "training"),
        ("evaluation", {"request": {"evaluator": "table", "evaluations": 1}}, "evaluation"),
        ("network", {"order": {"from": "scratch"}}, "training"),
        ("network", {"order": placed(0, "large")}, "label:large"),
        ("design", placed(0, "design"), "design"),
        ("predictor", {"predictor": "p", "version": 1}, "predictor"),
    ],
)
def test_the_queue_of_a_job_follows_from_what_it_does(kind, payload, queue):
    assert place_of(kind, payload).queue == queue
