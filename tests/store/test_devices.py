"""What every store must do with the devices that tenants measure."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from store.jobs.job import InvalidJson, NotFound, SchemaMismatch
from store.sql import SqlStore

MEASURED = [("a", 1.5), ("b", 2.25)]


def test_a_device_comes_back_as_it_was_stored(store):
    stored = store.put_device("cells", "board é", "latency_ms", MEASURED)
    assert stored == store.device("cells", "board é")
    assert (stored.metric, stored.measurements) == ("latency_ms", (("a", 1.5), ("b", 2.25)))
    assert abs(stored.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_storing_again_replaces_what_was_measured(store):
    store.put_device("cells", "board", "latency_ms", MEASURED)
    store.put_device("cells", "board", "latency_ms", [("c", 9.0), ("d", 8.0)])
    assert store.device("cells", "board").measurements == (("c", 9.0), ("d", 8.0))
    assert len(store.devices()) == 1


def test_devices_belong_to_one_tenant_and_one_space(store):
    store.put_device("cells", "board", "latency_ms", MEASURED)
    store.put_device("chains", "board", "latency_ms", MEASURED)
    store.put_device("cells", "Axe", "latency_ms", MEASURED)
    store.put_device("cells", "board", "latency_ms", [("z", 1.0), ("y", 2.0)], tenant_id="other")
    listed = [(device.space, device.name) for device in store.devices()]
    assert listed == [("cells", "Axe"), ("cells", "board"), ("chains", "board")]
    assert [device.name for device in store.devices(space="chains")] == ["board"]
    assert store.device("cells", "board").measurements == tuple(MEASURED)
    with pytest.raises(NotFound):
        store.device("chains", "board", tenant_id="other")
    with pytest.raises(NotFound):
        store.device("cells", "nothing")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_stored(store, value):
    with pytest.raises(InvalidJson):
        store.put_device("cells", "board", "latency_ms", [("a", value)])
    assert store.devices() == []


def test_the_step_to_devices_goes_down_and_up_and_keeps_jobs(database_url):
    store = SqlStore(database_url)
    store.migrate()
    job, _ = store.submit("design", {})
    store.put_device("cells", "board", "latency_ms", MEASURED)
    assert store.downgrade("0001") == "0001"
    with pytest.raises(SchemaMismatch):
        store.devices()
    store.migrate()
    assert store.devices() == [] and store.job(job.id) == job
    store.close()


def test_a_deleted_device_is_gone_and_only_ones_own_can_be(store):
    store.put_device("cells", "board", "latency_ms", MEASURED)
    store.put_device("chains", "board", "latency_ms", MEASURED)
    with pytest.raises(NotFound):
        store.delete_device("cells", "board", tenant_id="other")
    store.delete_device("cells", "board")
    assert [(device.space, device.name) for device in store.devices()] == [("chains", "board")]
    with pytest.raises(NotFound):
        store.delete_device("cells", "board")
