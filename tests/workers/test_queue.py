"""The queue, on each broker: what is sent, and what happens when the broker is down, wiped or frozen."""

import base64
import json
import signal

import pytest
import redis

from workers import queue
from workers.queue import QUEUE, Publisher, make_celery


@pytest.fixture
def publisher(broker, monkeypatch):
    monkeypatch.setattr(queue, "SOCKET_SECONDS", 0.5)
    made = Publisher(make_celery(broker.url))
    yield made
    made.close()


def read_all(broker):
    """Content type and body of every message in the broker's list, oldest first."""
    with redis.Redis.from_url(broker.url) as client:
        while (envelope := client.rpop(QUEUE)) is not None:
            message = json.loads(envelope)
            yield message["content-type"], json.loads(base64.b64decode(message["body"]))


def test_a_message_carries_nothing_but_the_jobs_id(broker, publisher):
    assert publisher.length() == 0
    for job_id in ("a", "b", "c"):
        publisher.publish(job_id)
    assert publisher.length() == 3
    messages = list(read_all(broker))
    assert [kind for kind, _ in messages] == ["application/json"] * 3
    assert [body[:2] for _, body in messages] == [[[name], {}] for name in "abc"]
    assert publisher.length() == 0


def test_a_wiped_broker_takes_messages_at_once(broker, publisher):
    publisher.publish("a")
    with redis.Redis.from_url(broker.url) as client:
        client.flushall()
    assert publisher.length() == 0
    publisher.publish("b")
    assert [body[0] for _, body in read_all(broker)] == [["b"]]


def test_a_dead_broker_is_an_error_and_a_restarted_one_is_used_again(broker, publisher):
    publisher.publish("a")
    broker.end(signal.SIGKILL)
    for call in (lambda: publisher.publish("b"), publisher.length):
        with pytest.raises(Exception, match=r"refused|closed|reset"):
            call()
    broker.start()
    publisher.publish("c")
    assert publisher.length() == 1


def test_a_frozen_broker_is_an_error_not_a_hang(broker, publisher):
    publisher.publish("a")
    broker.process.send_signal(signal.SIGSTOP)
    for call in (lambda: publisher.publish("b"), publisher.length):
        with pytest.raises(Exception, match=r"(?i)time"):
            call()
    broker.process.send_signal(signal.SIGCONT)
    publisher.publish("c")
    assert publisher.length() >= 2
