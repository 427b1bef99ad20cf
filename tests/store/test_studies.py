"""What every store must do with studies."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import event

from spaces.metric import Observation
from store.jobs.job import IdempotencyConflict, InvalidJson, NotFound
from store.sql import SqlStore
from store.studies.study import ObservedOtherwise, StudyClosed, TooManyObservations, TooManyStudies

REQUEST = {"space": "cells", "task": "images"}


def seen(name, value=1.0, fidelity="full", failed=None):
    return Observation(name, {} if failed else {"accuracy": value}, "test", failed, fidelity, 2.5)


@pytest.fixture
def study(store):
    return store.create_study(REQUEST)[0]


def names(suggestions):
    return [suggestion.architecture for suggestion in suggestions]


def test_a_study_comes_back_as_it_was_stored(store, study):
    assert store.study(study.id) == study
    assert (study.request, study.closed_at) == (REQUEST, None)
    assert (study.suggested, study.waiting, study.observed, study.failed) == (0, 0, 0, 0)


def test_a_key_makes_one_study(store):
    first, created = store.create_study(REQUEST, idempotency_key="k")
    again, created_again = store.create_study(REQUEST, idempotency_key="k")
    assert (first.id, created, created_again) == (again.id, True, False)
    with pytest.raises(IdempotencyConflict):
        store.create_study({"space": "other"}, idempotency_key="k")
    assert store.create_study(REQUEST, idempotency_key="k", tenant_id="other")[1]
    assert len(store.studies()[0]) == 1


def test_a_tenant_may_have_so_many(store, study):
    with pytest.raises(TooManyStudies):
        store.create_study(REQUEST, most=1)
    store.create_study(REQUEST, most=1, tenant_id="other")
    assert [found.id for found in store.studies()[0]] == [study.id]


def test_pages_are_newest_first(store):
    ids = [store.create_study(REQUEST)[0].id for _ in range(5)]
    page, more = store.studies(limit=3)
    assert ([found.id for found in page], more) == (ids[:1:-1], True)
    page, more = store.studies(limit=3, after=page[-1].id)
    assert ([found.id for found in page], more) == (ids[1::-1], False)
    with pytest.raises(NotFound):
        store.studies(after="nonsense")


def test_the_same_client_gets_its_unfinished_suggestions_back(store, study):
    first = store.take_suggestions(study.id, "a", 2, ["x", "y", "z"])
    assert [(s.number, s.architecture, s.client_id) for s in first] == [(1, "x", "a"), (2, "y", "a")]
    assert store.take_suggestions(study.id, "a", 2, ["q"]) == first
    assert names(store.take_suggestions(study.id, "a", 3, ["x", "w"])) == ["x", "y", "w"]
    assert names(store.take_suggestions(study.id, "b", 2, ["x", "w", "v"])) == ["v"]
    assert names(store.unfinished(study.id)) == ["x", "y", "w", "v"]
    assert names(store.unfinished(study.id, client_id="b")) == ["v"]
    found = store.study(study.id)
    assert (found.suggested, found.waiting) == (4, 4)


def test_an_observation_ends_its_suggestion(store, study):
    store.take_suggestions(study.id, "a", 3, ["x", "y", "z"])
    after, news = store.observe_study(study.id, [seen("x"), seen("y", failed="no memory"), seen("w")])
    assert (after.suggested, after.waiting, after.observed, after.failed, news) == (3, 1, 3, 1, 3)
    assert names(store.unfinished(study.id)) == ["z"]
    # What was suggested or observed before is never suggested again.
    assert store.take_suggestions(study.id, "b", 2, ["x", "y", "w"]) == []
    stored = store.study_observations(study.id)
    assert [(entry.number, entry.observation) for entry in stored] == [
        (1, seen("x")),
        (2, seen("y", failed="no memory")),
        (3, seen("w")),
    ]
    assert [entry.number for entry in store.study_observations(study.id, after=1, limit=1)] == [2]


def test_a_lower_fidelity_ends_nothing(store, study):
    store.take_suggestions(study.id, "a", 1, ["x"])
    store.observe_study(study.id, [seen("x", fidelity="12ep"), seen("y", fidelity="12ep")])
    assert names(store.unfinished(study.id)) == ["x"]
    assert names(store.take_suggestions(study.id, "b", 1, ["y"])) == ["y"]
    store.observe_study(study.id, [seen("x", 2.0)])
    assert store.study(study.id).observed == 3 and names(store.unfinished(study.id)) == ["y"]


def test_a_failure_ends_a_suggestion_at_any_fidelity_where_it_is_news(store, study):
    store.take_suggestions(study.id, "a", 3, ["x", "y", "z"])
    cheap = [seen("x", fidelity="12ep"), seen("y", fidelity="12ep")]
    store.observe_study(study.id, cheap)
    # Late and out of order: its values at that fidelity are known, and a full evaluation may still come.
    after, news = store.observe_study(study.id, [seen("x", fidelity="12ep", failed="late")])
    assert (news, after.waiting, after.failed) == (0, 3, 0)
    assert names(store.unfinished(study.id)) == ["x", "y", "z"]
    answer = [seen("y", failed="no memory"), seen("z", fidelity="12ep", failed="diverged")]
    after, news = store.observe_study(study.id, answer)
    assert (news, after.waiting, after.failed) == (2, 1, 2)
    assert names(store.unfinished(study.id)) == ["x"]
    assert store.take_suggestions(study.id, "b", 3, ["x", "y", "z"]) == []


def test_the_same_told_again_changes_nothing(store, study):
    before, _ = store.observe_study(study.id, [seen("x"), seen("y", failed="no")])
    after, news = store.observe_study(study.id, [seen("y", failed="otherwise"), seen("x"), seen("x")])
    assert (before, 0) == (after, news)
    named = [replace(seen("x", value), details={"run": "a"}) for value in (2.0, 3.0)]
    with pytest.raises(ObservedOtherwise) as caught:
        store.observe_study(study.id, [seen("z"), *named])
    assert caught.value.index == 2
    assert store.study(study.id) == before and len(store.study_observations(study.id)) == 2


def test_values_take_the_place_of_a_failure_and_not_the_other_way(store, study):
    store.observe_study(study.id, [seen("x", failed="no"), seen("y")])
    after, news = store.observe_study(study.id, [seen("x", 3.0)])
    assert (after.observed, after.failed, news) == (2, 0, 1)
    answer = [(entry.number, entry.observation.architecture) for entry in store.study_observations(study.id)]
    assert answer == [(2, "y"), (3, "x")]
    assert store.observe_study(study.id, [seen("x", failed="late")])[1] == 0


def test_many_at_once_are_told_as_one_after_another(store, study):
    store.take_suggestions(study.id, "a", 3, ["c0", "c1", "c1500"])
    store.observe_study(study.id, [seen("c7", failed="no"), seen("c8", 8.0)])
    many = [seen(f"c{number}", float(number)) for number in range(1200)]
    after, news = store.observe_study(
        study.id,
        [seen("c3", failed="no"), seen("c4", 0.5, "12ep"), *many, seen("c3", failed="late"), many[0]],
    )
    # All but c8 are news, and c3 twice: its values take the place of its failure.
    assert (after.observed, after.failed, after.waiting, news) == (1201, 0, 1, 1201)
    assert names(store.unfinished(study.id)) == ["c1500"]
    stored = store.study_observations(study.id)
    numbers = [entry.number for entry in stored]
    assert numbers == [2, *range(4, 1204)] and len({e.observation.architecture for e in stored}) == 1200
    assert store.observe_study(study.id, many)[1] == 0


def test_many_at_once_take_few_statements(tmp_path):
    store = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    store.migrate()
    study, _ = store.create_study(REQUEST)
    statements = []
    event.listen(store._engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    store.observe_study(study.id, [seen(f"c{number}") for number in range(2000)])
    store.close()
    assert len(statements) < 40


def test_what_json_cannot_hold_is_refused_whole(store, study):
    with pytest.raises(InvalidJson):
        store.observe_study(study.id, [seen("x"), seen("y", float("nan"))])
    with pytest.raises(InvalidJson):
        store.create_study({"bound": float("inf")})
    assert store.study(study.id).observed == 0


def test_a_closed_study_suggests_nothing_and_takes_what_was_under_way(store, study):
    store.take_suggestions(study.id, "a", 1, ["x"])
    closed = store.close_study(study.id)
    assert closed.closed_at is not None and store.close_study(study.id) == closed
    with pytest.raises(StudyClosed):
        store.take_suggestions(study.id, "a", 1, ["y"])
    assert store.observe_study(study.id, [seen("x")])[0].waiting == 0


def test_another_tenants_study_is_not_found(store, study):
    calls = [
        lambda **who: store.study(study.id, **who),
        lambda **who: store.unfinished(study.id, **who),
        lambda **who: store.take_suggestions(study.id, "a", 1, ["x"], **who),
        lambda **who: store.observe_study(study.id, [seen("x")], **who),
        lambda **who: store.study_observations(study.id, **who),
        lambda **who: store.close_study(study.id, **who),
        lambda **who: store.change_study(study.id, {}, **who),
        lambda **who: store.enqueue_suggestions(study.id, ["x"], **who),
        lambda **who: store.release_suggestions(study.id, "a", **who),
        lambda **who: store.delete_study(study.id, **who),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            call(tenant_id="other")
    assert store.study(study.id) == study and store.studies(tenant_id="other") == ([], False)


def test_a_deleted_study_is_gone(store, study):
    store.take_suggestions(study.id, "a", 1, ["x"])
    store.observe_study(study.id, [seen("x")])
    store.delete_study(study.id)
    with pytest.raises(NotFound):
        store.study(study.id)


def test_of_many_clients_no_two_take_one_architecture(store, study):
    proposals = [f"cell {number}" for number in range(12)]
    taken, start = {}, threading.Barrier(6)

    def ask(client):
        start.wait(20)
        taken[client] = names(store.take_suggestions(study.id, client, 2, proposals))

    threads = [threading.Thread(target=ask, args=(f"client {number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    everything = [name for found in taken.values() for name in found]
    assert sorted(everything) == sorted(proposals)
    assert sorted(s.number for s in store.unfinished(study.id)) == list(range(1, 13))


def test_a_study_takes_so_many_observations_and_no_more(store):
    study, _ = store.create_study({"space": "toy"})
    store.observe_study(study.id, [seen("x"), seen("y", failed="no memory")], most=2)
    with pytest.raises(TooManyObservations):
        store.observe_study(study.id, [seen("x"), seen("w")], most=2)
    assert store.study(study.id).observed == 2
    store.observe_study(study.id, [seen("x"), seen("y", 2.0)], most=2)  # values in place of a failure
    assert (store.study(study.id).observed, store.study(study.id).failed) == (2, 0)
