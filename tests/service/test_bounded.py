"""Bounded work is given up when its client leaves or its time is over, and holds no process from ending."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from service.children.bounded import Bounded, ClientLeft, WatchClients, checkpoint, current_work
from service.http.problems import Problem

TIMEOUT_SECONDS = 60


def endless(begun: threading.Event, ended: threading.Event) -> None:
    """Work that ends at a checkpoint alone."""
    begun.set()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while time.monotonic() < deadline:
            checkpoint()
            time.sleep(0.01)
    finally:
        ended.set()


async def answered(bounded: Bounded, leaves: asyncio.Event, function, *args):
    """What a request to bounded work ends with; its client leaves with the event."""
    found = []

    async def app(scope, receive, send):
        assert (await receive())["type"] == "http.request"
        try:
            found.append(await bounded.run(function, *args))
        except (Problem, ClientLeft) as error:
            found.append(error)

    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        for message in sent:
            return message
        await leaves.wait()
        return {"type": "http.disconnect"}

    await WatchClients(app)({"type": "http"}, receive, None)
    return found[0]


def test_work_ends_when_its_client_leaves():
    ends: list[str] = []
    begun, ended = threading.Event(), threading.Event()

    async def main():
        bounded = Bounded(threads=1, waiting=1, retry_after_seconds=3, on_end=ends.append)
        leaves = asyncio.Event()
        request = asyncio.create_task(answered(bounded, leaves, endless, begun, ended))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        leaves.set()
        return await request

    assert isinstance(asyncio.run(main()), ClientLeft)
    assert ended.wait(TIMEOUT_SECONDS) and ends == ["left"]


def test_a_client_that_waits_gets_its_answer():
    async def main():
        bounded = Bounded(threads=1, waiting=1, retry_after_seconds=3)
        return await answered(bounded, asyncio.Event(), sum, [1, 2])

    assert asyncio.run(main()) == 3


def test_what_waits_is_never_begun_once_its_client_has_left():
    release, called = threading.Event(), threading.Event()

    async def main():
        bounded = Bounded(threads=1, waiting=2, retry_after_seconds=3)
        first = asyncio.create_task(bounded.run(release.wait, TIMEOUT_SECONDS))
        await asyncio.sleep(0.05)
        leaves = asyncio.Event()
        second = asyncio.create_task(answered(bounded, leaves, called.set))
        await asyncio.sleep(0.05)
        leaves.set()
        assert isinstance(await second, ClientLeft)
        release.set()
        await first
        await bounded.run(sum, [1])

    asyncio.run(main())
    assert not called.is_set()


def test_work_beyond_its_time_is_a_503():
    begun, ended = threading.Event(), threading.Event()
    ends: list[str] = []

    async def main():
        bounded = Bounded(threads=1, waiting=0, retry_after_seconds=7, seconds=0.2, on_end=ends.append)
        with pytest.raises(Problem) as refused:
            await bounded.run(endless, begun, ended)
        return refused.value

    refused = asyncio.run(main())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "7")
    assert ended.wait(TIMEOUT_SECONDS) and ends == ["late"]


def test_time_spent_waiting_for_a_turn_counts():
    async def main():
        turn = asyncio.Lock()
        bounded = Bounded(threads=2, waiting=2, retry_after_seconds=7, seconds=0.3)
        async with turn:
            with pytest.raises(Problem) as refused:
                await bounded.run_in_turn(turn, lambda: 1)
        assert refused.value.status_code == 503
        return await bounded.run_in_turn(turn, lambda: 2)

    assert asyncio.run(main()) == 2


def test_a_process_that_is_waited_for_is_killed():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    killed = threading.Event()

    def wait():
        work = current_work()
        assert work is not None
        with work.killing(process.kill):
            process.wait()
        killed.set()

    async def main():
        bounded = Bounded(threads=1, waiting=0, retry_after_seconds=7, seconds=0.2)
        with pytest.raises(Problem):
            await bounded.run(wait)

    asyncio.run(main())
    assert killed.wait(TIMEOUT_SECONDS) and process.wait() == -9


def test_a_thread_that_computes_on_keeps_no_process_from_ending():
    script = """
import asyncio, time
from service.children.bounded import Bounded
from service.http.problems import Problem
async def main():
    try:
        await Bounded(threads=1, waiting=0, retry_after_seconds=1, seconds=0.1).run(time.sleep, 3600)
    except Problem as late:
        print(late.status_code)
asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=TIMEOUT_SECONDS, check=True
    )
    assert ended.stdout == b"503\n"
