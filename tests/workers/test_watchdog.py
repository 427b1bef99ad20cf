"""An API that runs but does not answer is started again, not too often, and never while the stack ends."""

import os
import signal
import time
from dataclasses import replace
from urllib.request import urlopen

import psutil
import pytest
import structlog

from tests.workers.conftest import options
from workers.stack import Stack
from workers.watchdog import Watch

QUICK = Watch(seconds=1.0, misses=2, start_seconds=60.0)


def wait_until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def well(stack):
    with urlopen(f"{stack.url}/healthz", timeout=60) as answer:
        return answer.status == 200


@pytest.fixture
def said():
    with structlog.testing.capture_logs() as entries:
        yield entries


def events(said, word):
    return [entry for entry in said if word in entry["event"]]


def test_a_frozen_api_is_started_again_and_the_address_stays(tmp_path, said):
    with Stack(options(tmp_path, workers=0, api=True, watch=QUICK)) as stack:
        frozen, url = stack.pids["api"], stack.url
        os.kill(frozen, signal.SIGSTOP)
        wait_until(lambda: stack.pids.get("api", frozen) != frozen)
        assert not psutil.pid_exists(frozen) or psutil.Process(frozen).status() == "zombie"
        assert stack.url == url
        assert well(stack)
        (answer,) = events(said, "started again")
        assert answer["log_level"] == "error" and answer["pid"] == frozen
        assert [entry["misses"] for entry in events(said, "does not answer") if "misses" in entry] == [1, 2]


def test_an_api_that_hangs_too_often_is_left_as_it_is(tmp_path, said):
    with Stack(options(tmp_path, workers=0, api=True, watch=replace(QUICK, restarts=1))) as stack:
        first = stack.pids["api"]
        os.kill(first, signal.SIGSTOP)
        wait_until(lambda: stack.pids.get("api", first) != first)
        assert well(stack)
        second = stack.pids["api"]
        wait_until(lambda: stack._watchdog._answered)
        os.kill(second, signal.SIGSTOP)
        wait_until(lambda: events(said, "left as it is"))
        assert stack.pids["api"] == second
        os.kill(second, signal.SIGCONT)
        assert well(stack)


def test_nothing_is_started_again_while_the_stack_ends(tmp_path, said):
    stack = Stack(options(tmp_path, workers=0, api=True, watch=QUICK, stop_seconds=8))
    stack.start()
    frozen = stack.pids["api"]
    os.kill(frozen, signal.SIGSTOP)
    stack.stop()  # longer than two misses: it waits for the API, and kills it in the end
    assert not events(said, "started again")
    assert not psutil.pid_exists(frozen)
    assert not [name for name in stack.pids if name == "api"]


def test_an_api_that_still_starts_is_left_alone(tmp_path, said):
    watch = Watch(seconds=0.1, misses=1, start_seconds=60.0)
    with Stack(options(tmp_path, workers=0, api=True, watch=watch)) as stack:
        assert not [entry for entry in said if entry["log_level"] == "error"]
        assert well(stack)
