"""What every store must do with the networks that tenants train."""

import math

import pytest

from store.database.ids import new_id
from store.jobs.job import IdempotencyConflict, InvalidJson, JobState, LeaseLost, NotFound
from store.networks.network import NetworkSpec, TooManyNetworks, TrainedNetwork

SPEC = NetworkSpec("cells", "a é", "flowers", {"from": "scratch", "recipe": {"epochs": 3}})
OTHER = NetworkSpec("cells", "b", "flowers", {"from": "scratch"})
WEIGHTS, BUNDLE = "0a" * 32, "1b" * 32


def train(store, job, weights=WEIGHTS, bundle=BUNDLE, **card):
    """Does a training job as a worker does."""
    lease = store.claim(job.id, worker="w", lease_seconds=60)
    trained = TrainedNetwork(job.payload["network"], weights, bundle, card)
    store.finish(lease, JobState.SUCCEEDED, result={"weights": weights, "bundle": bundle}, trained=trained)
    return lease, trained


def test_an_order_is_a_row_and_a_job(store):
    made, job, created = store.create_network(SPEC, total=3)
    assert created and made == store.network(made.id) and made.spec == SPEC
    assert (made.job_id, made.job_state, made.weights, made.bundle) == (job.id, JobState.QUEUED, None, None)
    assert (made.card, made.trained_at) == ({}, None)
    assert (job.kind, job.total) == ("network", 3) and job.payload == {"network": made.id, **SPEC.to_dict()}
    assert [row.job_id for row in store.unpublished()] == [job.id]


def test_a_training_gives_its_network_weights_a_bundle_and_a_card_in_one_step(store):
    made, job, _ = store.create_network(SPEC)
    train(store, job, accuracy=91.5)
    found = store.network(made.id)
    assert (found.weights, found.bundle, found.card) == (WEIGHTS, BUNDLE, {"accuracy": 91.5})
    assert found.job_state is JobState.SUCCEEDED and found.trained_at >= found.created_at


def test_a_stale_worker_and_a_repeated_training_change_nothing(store):
    made, job, _ = store.create_network(SPEC)
    stale = store.claim(job.id, worker="w1", lease_seconds=-1)
    store.requeue_expired()
    train(store, job)
    with pytest.raises(LeaseLost):
        store.finish(
            stale, JobState.SUCCEEDED, result={}, trained=TrainedNetwork(made.id, "2c" * 32, BUNDLE, {})
        )
    again, _ = store.submit(job.kind, job.payload, retry_of=job.id)
    train(store, again, "3d" * 32)
    assert store.network(made.id).weights == WEIGHTS


def test_a_failure_is_told(store):
    made, job, _ = store.create_network(SPEC)
    lease = store.claim(job.id, worker="w", lease_seconds=60)
    store.finish(lease, JobState.FAILED, reason="diverged")
    found = store.network(made.id)
    assert (found.job_state, found.reason, found.bundle) == (JobState.FAILED, "diverged", None)


def test_a_key_orders_one_network(store):
    made, job, _ = store.create_network(SPEC, idempotency_key="k")
    assert store.create_network(SPEC, idempotency_key="k", most=1) == (made, job, False)
    with pytest.raises(IdempotencyConflict):
        store.create_network(OTHER, idempotency_key="k")
    assert len(store.networks()[0]) == 1 and store.waiting() == 1
    store.delete_network(made.id)
    with pytest.raises(NotFound):
        store.create_network(SPEC, idempotency_key="k")


def test_networks_belong_to_one_tenant(store):
    made, job, _ = store.create_network(SPEC, tenant_id="one", idempotency_key="k")
    mine, _, created = store.create_network(SPEC, tenant_id="two", idempotency_key="k")
    assert created and mine.id != made.id
    for call in (store.network, store.delete_network):
        with pytest.raises(NotFound):
            call(made.id, tenant_id="two")
    assert [found.id for found in store.networks(tenant_id="two")[0]] == [mine.id]
    assert store.ids_beginning("network", made.id[:30], tenant_id="two") == []
    assert store.ids_beginning("network", made.id, tenant_id="one") == [made.id]
    foreign = store.claim(job.id, worker="w", lease_seconds=60)
    trained = TrainedNetwork(mine.id, WEIGHTS, BUNDLE, {})
    store.finish(foreign, JobState.SUCCEEDED, result={}, trained=trained)
    assert store.network(mine.id, tenant_id="two").bundle is None


def test_pages_are_newest_first(store):
    made = [store.create_network(SPEC)[0].id for _ in range(3)]
    page, more = store.networks(limit=2)
    assert [found.id for found in page] == made[:0:-1] and more
    page, more = store.networks(limit=2, after=made[1])
    assert [found.id for found in page] == made[:1] and not more
    with pytest.raises(NotFound):
        store.networks(after="no id")
    with pytest.raises(NotFound):
        store.network(new_id(1.0))


def test_there_is_a_limit(store):
    store.create_network(SPEC)
    with pytest.raises(TooManyNetworks):
        store.create_network(SPEC, most=1)
    assert store.waiting() == 1 and len(store.jobs()[0]) == 1


def test_nothing_is_stored_of_an_order_that_json_does_not_know(store):
    with pytest.raises(InvalidJson):
        store.create_network(NetworkSpec("s", "a", "d", {"rate": math.nan}))
    assert store.networks() == ([], False) and store.jobs() == ([], False)


def test_deleting_stops_the_training_and_lets_the_blobs_go(store):
    made, job, _ = store.create_network(SPEC)
    train(store, job)
    assert store.named_blobs({WEIGHTS, BUNDLE}) == {WEIGHTS, BUNDLE}
    store.delete_network(made.id)
    assert store.named_blobs({WEIGHTS, BUNDLE}) == set(), "the job's result keeps no blob"
    with pytest.raises(NotFound):
        store.network(made.id)
    made, job, _ = store.create_network(SPEC)
    lease = store.claim(job.id, worker="w", lease_seconds=60)
    store.delete_network(made.id)
    assert store.job(job.id).cancel_requested
    store.finish(lease, JobState.SUCCEEDED, result={}, trained=TrainedNetwork(made.id, WEIGHTS, BUNDLE, {}))
    assert store.networks() == ([], False)


def test_weights_that_a_training_starts_from_are_kept_with_its_order(store):
    store.create_network(NetworkSpec("s", "a", "d", {"from": "search", "weights": WEIGHTS}))
    assert store.named_blobs({WEIGHTS}) == {WEIGHTS}
