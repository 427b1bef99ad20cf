"""What every store must do with evaluations that clients outside make."""

import threading

import pytest

from store.external.evaluation import Ended, Offer
from store.jobs.job import LeaseLost, NotFound

PAST = -1.0
"""A lease that is over at once, on any clock."""
ORDER = {"space": "cells", "quantities": {"accuracy": {"metric": "accuracy"}}}


def ended(value=1.0, failed=None):
    return Ended({} if failed else {"accuracy": value}, failed, 2.5, None, {})


@pytest.fixture
def job(store):
    return store.submit("design", {})[0].id


def offer(store, job, *names, lease=600.0, attempts=3):
    for name in names:
        store.offer_evaluation(Offer(job, name, ORDER, lease, attempts))


def test_each_is_claimed_once_in_its_order_and_ends_once(store, job):
    offer(store, job, "x", "y", "x")
    first, second = store.claim_evaluation("a"), store.claim_evaluation("b", job_id=job)
    assert (first.offer.architecture, first.attempt, first.client_id) == ("x", 1, "a")
    assert (second.offer.architecture, second.offer.order) == ("y", ORDER)
    assert store.claim_evaluation("c") is None
    assert store.end_evaluation(first.id, first.token, ended(3.0)) is True
    assert store.end_evaluation(first.id, first.token, ended(4.0)) is False, "the first result stays"
    found = store.external_results(job)
    assert list(found) == ["x", "y"] and found["y"] is None
    assert (found["x"].values, found["x"].client_id) == ({"accuracy": 3.0}, "a")


def test_a_lease_that_is_over_goes_to_the_next_and_the_old_token_is_refused(store, job):
    offer(store, job, "x", lease=PAST)
    old = store.claim_evaluation("gone")
    new = store.claim_evaluation("here")
    assert (new.id, new.attempt) == (old.id, 2) and new.token != old.token
    for call in (
        lambda: store.renew_claim(old.id, old.token),
        lambda: store.end_evaluation(old.id, old.token, ended()),
        lambda: store.evaluation_of_claim(old.id, old.token),
    ):
        with pytest.raises(LeaseLost):
            call()
    assert store.renew_claim(new.id, new.token).attempt == 2, "expired, and nobody took it yet"
    assert store.end_evaluation(new.id, new.token, ended(failed="no memory"))
    assert store.external_results(job)["x"].failed == "no memory"
    with pytest.raises(LeaseLost):
        store.renew_claim(new.id, new.token)


def test_after_its_attempts_it_has_failed(store, job):
    offer(store, job, "x", lease=PAST, attempts=2)
    claims = [store.claim_evaluation("a") for _ in range(2)]
    assert store.claim_evaluation("a") is None
    assert "expired 2 times" in store.external_results(job)["x"].failed
    with pytest.raises(LeaseLost):
        store.end_evaluation(claims[1].id, claims[1].token, ended())


def test_a_heartbeat_keeps_it(store, job):
    offer(store, job, "x", lease=600.0)
    claim = store.claim_evaluation("a")
    again = store.renew_claim(claim.id, claim.token)
    assert again.lease_until >= claim.lease_until and not again.stopped


def test_nobody_gets_what_no_design_waits_for(store, job):
    offer(store, job, "x", "y")
    claim = store.claim_evaluation("a")
    store.cancel(job)
    assert store.claim_evaluation("b") is None
    assert store.renew_claim(claim.id, claim.token).stopped


def test_another_tenants_is_not_found(store, job):
    offer(store, job, "x")
    assert store.claim_evaluation("a", tenant_id="other") is None
    claim = store.claim_evaluation("a")
    for call in (
        lambda: store.renew_claim(claim.id, claim.token, tenant_id="other"),
        lambda: store.end_evaluation(claim.id, claim.token, ended(), tenant_id="other"),
        lambda: store.renew_claim("nonsense", claim.token),
    ):
        with pytest.raises(NotFound):
            call()
    assert store.external_results(job, tenant_id="other") == {}


def test_of_many_clients_no_two_get_one(store, job):
    offer(store, job, *(f"cell {number}" for number in range(12)))
    taken, start = {}, threading.Barrier(6)

    def ask(client):
        start.wait(20)
        taken[client] = [store.claim_evaluation(client).offer.architecture for _ in range(2)]

    threads = [threading.Thread(target=ask, args=(f"client {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(name for names in taken.values() for name in names) == sorted(
        f"cell {number}" for number in range(12)
    )
