"""What every store must do with the spaces that tenants declare."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from store.jobs.job import JobState, NotFound
from store.spaces.space import SpaceExists, SpaceSummary, TooManySpaces


def test_a_space_comes_back_and_the_same_again_is_the_same(store):
    made, created = store.put_space("mine", "d1", '{"é": 1}')
    assert created and made.declaration == '{"é": 1}'
    assert store.put_space("mine", "d1", '{"é": 1}') == (made, False)
    assert store.space("mine") == made
    with pytest.raises(SpaceExists):
        store.put_space("mine", "d2", "{}")


def test_spaces_belong_to_one_tenant_and_are_limited(store):
    store.put_space("b", "d1", "{}")
    store.put_space("a", "d2", "{}")
    store.put_space("b", "d3", "{}", tenant_id="other")
    assert [space.name for space in store.spaces()] == ["a", "b"]
    with pytest.raises(NotFound):
        store.space("a", tenant_id="other")
    with pytest.raises(TooManySpaces):
        store.put_space("c", "d4", "{}", most=2)
    assert store.put_space("c", "d4", "{}", tenant_id="other", most=2)[1]


def ended(store, job_id, state):
    store.finish(store.claim(job_id, worker="w", lease_seconds=60), state)


def test_a_space_is_trained_once_and_again_only_where_that_failed(store):
    made, _ = store.put_space("mine", "d1", '{"a": 1}')
    job = store.job(made.job_id)
    assert (job.kind, job.payload, job.state) == ("space", {"declaration": '{"a": 1}'}, JobState.QUEUED)
    ended(store, job.id, JobState.FAILED)
    again, created = store.put_space("mine", "d1", '{"a": 1}')
    assert not created and again.job_id not in (None, job.id)
    ended(store, again.job_id, JobState.SUCCEEDED)
    assert store.put_space("mine", "d1", '{"a": 1}') == (again, False)
    assert len(store.jobs()[0]) == 2


def test_a_repeated_training_takes_the_place_of_the_first(store):
    made, _ = store.put_space("mine", "d1", "{}")
    other, _ = store.put_space("other", "d2", "{}")
    store.replace_space_job(made.job_id, "theirs", tenant_id="other")
    store.replace_space_job(made.job_id, "again")
    assert (store.space("mine").job_id, store.space("other")) == ("again", other)


def test_twenty_equal_declarations_at_once_are_trained_once(store):
    with ThreadPoolExecutor(20) as pool:
        made = list(pool.map(lambda _: store.put_space("mine", "d1", "{}"), range(20)))
    assert sum(created for _, created in made) == 1
    assert len({stored.job_id for stored, _ in made}) == 1 == len(store.jobs()[0])


def test_no_more_spaces_than_one_may_have_though_all_are_declared_at_once(store):
    def put(number):
        try:
            return store.put_space(f"s{number}", f"d{number}", "{}", most=5)[1]
        except TooManySpaces:
            return False

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(put, range(20))) == 5 == len(store.spaces())


def test_deleting_stops_the_training(store):
    made, _ = store.put_space("mine", "d1", "{}")
    store.delete_space("mine")
    assert store.job(made.job_id).state is JobState.CANCELLED


def test_declared_and_deleted_at_once_by_many_leaves_no_training_of_a_space_that_is_gone(store):
    def act(number):
        try:
            return store.put_space("mine", "d1", "{}")[0] if number % 2 else store.delete_space("mine")
        except NotFound:
            return None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(40)))
    there = {space.job_id for space in store.spaces()}
    assert {job.id for job in store.jobs(limit=100)[0] if job.state is JobState.QUEUED} == there


def test_a_deleted_space_is_gone_and_its_name_free(store):
    store.put_space("mine", "d1", "{}")
    with pytest.raises(NotFound):
        store.delete_space("mine", tenant_id="other")
    store.delete_space("mine")
    with pytest.raises(NotFound):
        store.delete_space("mine")
    assert store.put_space("mine", "d2", "{}")[1]


def test_summaries_say_what_was_stored_with_a_space_or_noted_later(store):
    large = 7 * 10**40
    store.put_space("b", "d1", "{}", title="Bé", size=large)
    store.put_space("a", "d2", "{}")
    store.put_space("c", "d3", "{}", tenant_id="other")
    assert store.space_summaries() == [SpaceSummary("a", None, None), SpaceSummary("b", "Bé", large)]
    store.summarize_space("a", "d9", "wrong", 2)
    store.summarize_space("a", "d2", "A", 3)
    store.summarize_space("nowhere", "d2", "A", 3)
    store.delete_space("b")
    assert store.space_summaries() == [SpaceSummary("a", "A", 3)]
