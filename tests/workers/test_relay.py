"""Relay and reaper, on a real broker, in this process."""

import signal
import threading
import time

import pytest
import redis

from store.jobs.job import JobState, StoreUnavailable
from store.memory import MemoryStore
from workers import lease_reaper, queue
from workers.lease_reaper import LeaseReaper
from workers.queue import QUEUE, Publisher, make_celery
from workers.relay import Pace, relay_batch, run_relay

# Both brokers are held to one contract in test_queue.py; here one is enough.
pytestmark = pytest.mark.parametrize("broker", ["valkey"], indirect=True)
PACE = Pace(lease_seconds=0.5, relay_seconds=0.01, reaper_seconds=0.05)


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def publisher(broker, monkeypatch):
    monkeypatch.setattr(queue, "SOCKET_SECONDS", 0.5)
    made = Publisher(make_celery(broker.url))
    yield made
    made.close()


@pytest.fixture
def relays(broker, monkeypatch):
    """Starts relays in threads, and ends them."""
    monkeypatch.setattr(queue, "SOCKET_SECONDS", 0.5)
    monkeypatch.setattr(lease_reaper, "SETTLE_SECONDS", 0.1)
    stop, threads = threading.Event(), []

    def start(store, url=broker.url):
        options = {"broker_url": url, "pace": PACE, "stop": stop}
        threads.append(threading.Thread(target=run_relay, args=(store,), kwargs=options))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


class Forgetful(MemoryStore):
    """Loses its database once, just when a batch has been published."""

    fail = True

    def mark_published(self, ids):
        if self.fail and ids:
            self.fail = False
            raise StoreUnavailable("gone")
        super().mark_published(ids)


def test_a_batch_is_published_in_order_and_noted(broker, publisher):
    store = MemoryStore()
    jobs = [store.submit("x", {"n": n})[0].id for n in range(5)]
    assert relay_batch(store, publisher) == 5
    assert relay_batch(store, publisher) == 0
    with redis.Redis.from_url(broker.url) as client:
        messages = client.lrange(QUEUE, 0, -1)[::-1]
    assert len(messages) == 5 == store.published(0)
    assert len(jobs) == 5 and store.unpublished() == []


def test_what_was_not_noted_is_published_again(publisher):
    store = Forgetful()
    store.submit("x", {})
    with pytest.raises(StoreUnavailable):
        relay_batch(store, publisher)
    assert relay_batch(store, publisher) == 1
    assert publisher.length() == 2


def test_what_the_broker_did_not_take_is_not_noted_as_published(broker, publisher):
    store = MemoryStore()
    store.submit("x", {})
    broker.end(signal.SIGKILL)
    with pytest.raises(Exception, match=r"refused"):
        relay_batch(store, publisher)
    assert len(store.unpublished()) == 1 and store.published(0) == 0


def test_rows_wait_while_the_broker_is_down(broker, publisher, relays):
    store = MemoryStore()
    broker.end(signal.SIGKILL)
    for number in range(3):
        store.submit("x", {"n": number})
    relays(store)
    time.sleep(0.5)
    assert len(store.unpublished()) == 3
    broker.start()
    wait_until(lambda: store.unpublished() == [])
    assert publisher.length() >= 3


def test_messages_that_the_broker_lost_are_sent_again(broker, publisher, relays):
    store = MemoryStore()
    relays(store)
    for number in range(20):
        store.submit("x", {"n": number})
    wait_until(lambda: publisher.length() == 20)
    with redis.Redis.from_url(broker.url) as client:
        client.flushall()
    wait_until(lambda: publisher.length() == 20)


def test_messages_that_are_still_there_are_not_sent_again(publisher, relays):
    store = MemoryStore()
    relays(store)
    for number in range(5):
        store.submit("x", {"n": number})
    wait_until(lambda: publisher.length() == 5)
    time.sleep(1.0)
    assert publisher.length() == 5


def test_one_message_lost_among_many_is_noticed(broker, publisher, relays):
    store = MemoryStore()
    relays(store)
    for number in range(5):
        store.submit("x", {"n": number})
    wait_until(lambda: publisher.length() == 5)
    with redis.Redis.from_url(broker.url) as client:
        client.rpop(QUEUE)
    wait_until(lambda: publisher.length() >= 6)


def test_two_relays_are_one_at_a_time(publisher, relays):
    store = MemoryStore()
    relays(store)
    wait_until(lambda: "relay" in store.roles())
    holder = store.roles()["relay"]
    relays(store)
    for number in range(20):
        store.submit("x", {"n": number})
    wait_until(lambda: store.unpublished() == [])
    assert store.roles()["relay"] == holder
    assert publisher.length() == 20


def test_expired_leases_are_taken_while_the_broker_is_frozen(broker, publisher, relays):
    store = MemoryStore()
    job, _ = store.submit("x", {})
    store.claim(job.id, worker="w", lease_seconds=0)
    broker.process.send_signal(signal.SIGSTOP)
    relays(store)
    wait_until(lambda: store.job(job.id).state is JobState.QUEUED)
    broker.process.send_signal(signal.SIGCONT)
    wait_until(lambda: store.unpublished() == [])


def test_after_an_outage_workers_have_time_to_show_themselves(publisher):
    store = MemoryStore()
    job, _ = store.submit("x", {})
    lease = store.claim(job.id, worker="w", lease_seconds=0)
    reaper = LeaseReaper(store, publisher, lease_seconds=60)
    reaper.grant_grace()
    assert reaper.expire() == []
    store.renew(lease, 0)
    reaper._grace_until = 0.0
    assert reaper.expire() == [job.id]


def test_a_reaper_that_stood_still_takes_nothing_at_once(publisher):
    store = MemoryStore()
    job, _ = store.submit("x", {})
    store.claim(job.id, worker="w", lease_seconds=0)
    reaper = LeaseReaper(store, publisher, lease_seconds=60)
    reaper._last_look -= 3600  # as after the machine slept
    assert reaper.expire() == []
    assert store.job(job.id).state is JobState.RUNNING
