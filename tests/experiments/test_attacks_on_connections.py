"""The attacks of the reliability comparison get what they should, in small."""

import sys

import pytest

from experiments.reliability import connections
from experiments.reliability.target import Target
from service.config import ServiceConfig
from service.connections import ConnectionLimits
from store.memory import MemoryStore


@pytest.fixture(scope="module")
def target(tables):
    from api_server import Running

    limits = ConnectionLimits(head_seconds=1.0, connections_per_client=40, unread_seconds=1.0)
    config = ServiceConfig(connections=limits, max_uploads_bytes=8 << 20, max_bodies_bytes=8 << 20)
    running = Running(MemoryStore(), tables, config)
    running.app.openapi_schema = {"x": "y" * 2_000_000}
    yield Target(running.url, "127.0.0.2")
    running.stop()


def test_heads_end_at_their_limit(target):
    answers = connections.header_flood(target, 20)
    assert answers["431"] >= 3 and answers["taken"] == answers["silent"] == 0
    assert connections.pipelined(target, 5)["taken"] == 0
    answers = connections.half_headers(target, 5, 60.0)
    assert answers["408"] == 5 and answers["held"] == 0


def test_connections_make_room(target):
    answers = connections.idle_connections(target, 100, 1.0)
    assert answers["closed"] >= 60 and set(answers) == {"200", "closed", "held"}
    assert connections.connection_storm(target, 0.5)["opened"] > 10


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of resets without reading")
def test_clients_that_do_not_read_are_cut(target):
    assert connections.deaf_clients(target, 5, seconds=8.0)["cut"] >= 1


def test_what_clients_hold_is_bounded(target):
    for attack in (connections.unfinished_uploads, connections.held_bodies):
        answers = attack(target, 20, 3, 3.0)
        assert answers["503"] >= 10 and answers.errors() == 0, answers


def test_foreign_names_are_refused(target):
    assert connections.foreign_names(target) == {"421": 10, "403": 9}
