"""What every store must do with the tasks that tenants upload."""

from dataclasses import replace

import pytest

from store.jobs.job import IdempotencyConflict, NotFound
from store.tasks.task import TaskContent, TaskExists, TooManyTasks

ABOUT = TaskContent("c1", "v1", "e" * 64, "images", ("café", "tea"), 40, 20, (("links", 2),))
OTHER = replace(ABOUT, content="c2", embedding="f" * 64)


def test_a_task_comes_back_and_the_same_again_is_the_same(store):
    made, created = store.put_task("drinks", ABOUT)
    assert created and made.about == ABOUT and store.task("drinks") == made
    assert store.put_task("drinks", ABOUT) == (made, False)
    with pytest.raises(TaskExists):
        store.put_task("drinks", OTHER)


def test_tasks_belong_to_one_tenant_and_are_limited(store):
    store.put_task("b", ABOUT)
    store.put_task("a", ABOUT)
    store.put_task("b", OTHER, tenant_id="other")
    assert [task.name for task in store.tasks()] == ["a", "b"]
    assert store.task("b", tenant_id="other").about == OTHER
    assert store.embedded("c2", "v1") is None
    for call in (store.task, store.delete_task):
        with pytest.raises(NotFound):
            call("a", tenant_id="other")
    with pytest.raises(TooManyTasks):
        store.put_task("c", OTHER, most=2)
    assert store.embedded("c2", "v1") is None and store.put_task("c", OTHER, most=3)[1]


def test_a_key_makes_one_task(store):
    made, _ = store.put_task("mine", ABOUT, idempotency_key="k")
    assert store.put_task("mine", ABOUT, idempotency_key="k") == (made, False)
    for name, about in (("mine", OTHER), ("yours", ABOUT)):
        with pytest.raises(IdempotencyConflict):
            store.put_task(name, about, idempotency_key="k")
    assert store.put_task("theirs", OTHER, idempotency_key="k", tenant_id="other")[1]


def test_a_deleted_task_is_gone_and_what_was_embedded_is_remembered(store):
    store.put_task("mine", ABOUT, idempotency_key="k")
    store.delete_task("mine")
    assert store.tasks() == [] and store.embedded("c1", "v1") == ABOUT
    assert store.embedded("c1", "v2") is None
    assert store.put_task("mine", OTHER, idempotency_key="k")[1]
    newer = replace(ABOUT, embedding="a" * 64)
    store.put_task("again", newer)
    assert store.embedded("c1", "v1") == newer
