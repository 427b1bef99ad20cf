"""What every store must do with suggestions that come back, and with repeated observations."""

from dataclasses import replace

import pytest

from spaces.metric import Observation
from store.studies.study import StudyClosed

NEEDED = ("accuracy", "latency_ms")
PAST = -1.0
"""A lease that is over at once, on any clock."""


def told(name, fidelity="full", run=None, failed=None, **values):
    return Observation(name, values, "told", failed, fidelity, 1.0, {} if run is None else {"run": run})


@pytest.fixture
def study(store):
    return store.create_study({"space": "cells"})[0]


def names(suggestions):
    return [suggestion.architecture for suggestion in suggestions]


def test_what_was_enqueued_comes_first_and_once(store, study):
    store.observe_study(study.id, [told("known", accuracy=1.0)])
    queued = store.enqueue_suggestions(study.id, ["x", "known", "y", "x"])
    assert [(each.number, each.architecture, each.client_id) for each in queued] == [
        (1, "x", ""),
        (2, "y", ""),
    ]
    assert store.study(study.id).waiting == 2 and store.enqueue_suggestions(study.id, ["y"]) == []
    assert names(store.take_suggestions(study.id, "a", 1, ["new"])) == ["x"]
    assert names(store.take_suggestions(study.id, "b", 2, ["x", "new"])) == ["y", "new"]
    store.close_study(study.id)
    with pytest.raises(StudyClosed):
        store.enqueue_suggestions(study.id, ["z"])


def test_what_is_given_back_is_the_next_others(store, study):
    store.take_suggestions(study.id, "a", 3, ["x", "y", "z"])
    assert store.release_suggestions(study.id, "b") == []
    assert store.release_suggestions(study.id, "a", ["y", "nothing"]) == ["y"]
    assert store.study(study.id).waiting == 3
    assert names(store.take_suggestions(study.id, "a", 3, ["y", "w"])) == ["x", "z", "w"], "he gave it back"
    assert names(store.take_suggestions(study.id, "b", 1, ["v"])) == ["y"]
    assert store.release_suggestions(study.id, "a") == ["x", "z", "w"]
    assert names(store.enqueue_suggestions(study.id, ["z"])) == ["z"]
    assert names(store.take_suggestions(study.id, "a", 2, ["v"])) == ["z", "v"], "it was enqueued again"


def test_a_vanished_clients_suggestions_return_and_a_calling_ones_stay(store, study):
    store.take_suggestions(study.id, "here", 1, ["w"])
    store.take_suggestions(study.id, "gone", 2, ["x", "y"], lease_seconds=PAST)
    assert names(store.unfinished(study.id, client_id="gone")) == []
    assert names(store.unfinished(study.id)) == ["w", "x", "y"]
    assert names(store.take_suggestions(study.id, "here", 3, ["v"])) == ["w", "x", "y"]
    assert names(store.take_suggestions(study.id, "gone", 2, ["v", "u"])) == ["v", "u"]
    # What it tells late still counts, and ends the other's suggestion.
    assert store.observe_study(study.id, [told("x", accuracy=1.0)])[0].waiting == 4
    assert names(store.take_suggestions(study.id, "here", 2, [])) == ["w", "y"]


def test_any_call_of_a_client_renews_its_leases(store, study):
    (first,) = store.take_suggestions(study.id, "a", 1, ["x"], lease_seconds=60)
    (again,) = store.take_suggestions(study.id, "a", 1, [], lease_seconds=600)
    assert again == first and again.expires_at > first.expires_at
    store.observe_study(study.id, [told("x", "12ep", accuracy=1.0)], lease_seconds=6000)
    (third,) = store.unfinished(study.id, client_id="a")
    store.observe_study(study.id, [told("q", accuracy=1.0)], client_id="a", lease_seconds=60_000)
    (last,) = store.unfinished(study.id, client_id="a")
    assert again.expires_at < third.expires_at < last.expires_at


def test_other_values_are_another_measurement_and_a_named_run_has_one(store, study):
    first = [told("x", accuracy=1.0), told("x", accuracy=2.0), told("x", accuracy=1.0)]
    assert store.observe_study(study.id, first)[1] == 2
    named = [
        told("x", run="a", accuracy=1.0),
        told("x", run="b", accuracy=1.0),
        told("x", run="a", accuracy=1.0),
    ]
    after, news = store.observe_study(study.id, named, client_id="me")
    assert (after.observed, news) == (4, 2)
    stored = store.study_observations(study.id)
    assert [(each.number, each.run, each.client_id) for each in stored] == [
        (1, "#1", None), (2, "#2", None), (3, "a", "me"), (4, "b", "me"),
    ]  # fmt: skip
    assert all(each.at is not None for each in stored)
    spread = replace(told("y", accuracy=3.0), details={"std": {"accuracy": 0.5}})
    store.observe_study(study.id, [spread])
    assert store.study_observations(study.id, after=4)[0].observation == spread


def test_some_values_now_and_the_rest_later(store, study):
    store.take_suggestions(study.id, "a", 2, ["x", "y"])
    after, _ = store.observe_study(study.id, [told("x", accuracy=1.0)], needed=NEEDED)
    assert (after.waiting, after.observed) == (2, 1)
    assert store.observe_study(study.id, [told("x", latency_ms=4.0)], needed=NEEDED)[0].waiting == 1
    run = [
        told("y", run="r", accuracy=1.0),
        told("y", run="r", latency_ms=2.0),
        told("y", run="r", accuracy=1.0),
    ]
    after, news = store.observe_study(study.id, run, needed=NEEDED)
    assert (after.waiting, after.observed, news) == (0, 3, 2)
    last = store.study_observations(study.id)[-1]
    assert (last.number, last.observation.values) == (4, {"accuracy": 1.0, "latency_ms": 2.0})
    assert store.take_suggestions(study.id, "b", 1, ["x", "y"]) == []


def test_what_was_told_in_part_may_still_be_suggested_and_may_fail(store, study):
    store.observe_study(study.id, [told("x", latency_ms=4.0)], needed=NEEDED)
    assert names(store.take_suggestions(study.id, "a", 1, ["x"])) == ["x"]
    after, news = store.observe_study(study.id, [told("x", failed="broken")], needed=NEEDED)
    assert (after.waiting, after.observed, after.failed, news) == (0, 2, 1, 1)
    after, _ = store.observe_study(study.id, [told("x", accuracy=1.0)], needed=NEEDED)
    assert (after.observed, after.failed) == (2, 0), "values take the place of the failure"


def test_a_changed_request_is_what_comes_back(store, study):
    changed = store.change_study(study.id, {"space": "cells", "bound": 3})
    assert store.study(study.id).request == changed.request == {"space": "cells", "bound": 3}
    store.close_study(study.id)
    with pytest.raises(StudyClosed):
        store.change_study(study.id, {})
