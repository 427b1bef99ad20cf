"""What every store must do with the spaces that tenants declare."""

import pytest

from store.job import NotFound
from store.space import SpaceExists, TooManySpaces


def test_a_space_comes_back_and_the_same_again_is_the_same(store):
    made, created = store.put_space("mine", "d1", '{"é": 1}')
    assert created and (made.declaration, made.job_id) == ('{"é": 1}', None)
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


def test_the_training_job_belongs_to_one_declaration(store):
    store.put_space("mine", "d1", "{}")
    store.set_space_job("mine", "d9", "no")
    store.set_space_job("theirs", "d1", "no")
    assert store.space("mine").job_id is None
    store.set_space_job("mine", "d1", "job")
    assert store.space("mine").job_id == "job"


def test_a_deleted_space_is_gone_and_its_name_free(store):
    store.put_space("mine", "d1", "{}")
    with pytest.raises(NotFound):
        store.delete_space("mine", tenant_id="other")
    store.delete_space("mine")
    with pytest.raises(NotFound):
        store.delete_space("mine")
    assert store.put_space("mine", "d2", "{}")[1]
