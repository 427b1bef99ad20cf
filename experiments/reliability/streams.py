"""Clients of event streams: many that come and leave, and many that stay and measure how late news is.

They speak HTTP over plain sockets: a thousand of them cost this process little, so that what is measured is
the server. Each takes its address from ``addresses`` in turn; on Linux all of 127.0.0.0/8 is this machine.
"""

import asyncio
import itertools
import json
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

ANSWER_SECONDS = 10.0
"""A server that has sent no status line by then counts as failed."""
STEP = 20
"""Steady clients that connect at the same time."""


@dataclass(slots=True)
class Churned:
    """What clients met that opened a stream and left it again and again.

    Args:
        opened: answered with 200.
        refused: answered with 429 or 503.
        failed: other answers, none in time, or a connection that broke.
    """

    opened: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(slots=True)
class Stayed:
    """What clients saw that opened a stream and kept it.

    Args:
        opened, refused, failed: as for :class:`Churned`.
        ended: streams that the server ended.
        lags: seconds from an event's time in the database to its arrival, for each event that happened after
            all clients were there.
    """

    opened: int = 0
    refused: int = 0
    failed: int = 0
    ended: int = 0
    lags: list[float] = field(default_factory=list)

    def lag(self, quantile: float) -> float:
        """A quantile of the lags in seconds; not a number where nothing arrived."""
        lags = sorted(self.lags)
        return lags[min(math.ceil(quantile * len(lags)), len(lags)) - 1] if lags else math.nan


def churn(
    url: str,
    jobs: Sequence[str],
    *,
    clients: int,
    seconds: float,
    longest_stay: float = 0.6,
    addresses: Sequence[str] = ("127.0.0.1",),
    seed: int = 0,
) -> Churned:
    """Opens event streams and leaves each after a random time, for a number of seconds.

    Args:
        url: the server's.
        jobs: ids of jobs; the clients share them.
        clients: streams at the same time.
        longest_stay: seconds; how long a client stays is uniform from 0 to this.
        addresses: loopback addresses that the clients come from.
    """
    return asyncio.run(_churn(url, jobs, clients, seconds, longest_stay, addresses, seed))


def stay(
    url: str,
    jobs: Sequence[str],
    *,
    clients: int,
    seconds: float,
    addresses: Sequence[str] = ("127.0.0.1",),
) -> Stayed:
    """Opens event streams, keeps them for a number of seconds after the last has opened, and leaves at once.

    Args:
        url: the server's.
        jobs: ids of jobs; the clients share them.
        clients: streams.
        addresses: loopback addresses that the clients come from.
    """
    return asyncio.run(_stay(url, jobs, clients, seconds, addresses))


async def _churn(
    url: str,
    jobs: Sequence[str],
    clients: int,
    seconds: float,
    longest_stay: float,
    addresses: Sequence[str],
    seed: int,
) -> Churned:
    seen, end = Churned(), time.monotonic() + seconds

    async def client(number: int) -> None:
        chance = random.Random(seed * 1_000_003 + number)
        # Not all at once: a burst of the first connections would measure the burst.
        await asyncio.sleep(chance.uniform(0, min(longest_stay, seconds)))
        while time.monotonic() < end:
            try:
                reader, writer = await _open(url, jobs[number % len(jobs)], addresses, number)
            except (OSError, TimeoutError):
                seen.failed += 1
                await asyncio.sleep(0.05)
                continue
            try:
                if await _admitted(reader, seen):
                    await asyncio.sleep(chance.uniform(0, longest_stay))
                else:
                    await asyncio.sleep(0.05)
            finally:
                writer.transport.abort()

    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(client(number))
    return seen


async def _stay(
    url: str, jobs: Sequence[str], clients: int, seconds: float, addresses: Sequence[str]
) -> Stayed:
    seen, gate = Stayed(), asyncio.Semaphore(STEP)
    since, leave = math.inf, asyncio.Event()

    async def client(number: int) -> None:
        async with gate:
            try:
                reader, writer = await _open(url, jobs[number % len(jobs)], addresses, number)
                admitted = await _admitted(reader, seen)
            except (OSError, TimeoutError):
                seen.failed += 1
                return
        try:
            while admitted and not leave.is_set():
                line = await reader.readline()
                if not line or line == b"0\r\n":
                    seen.ended += 1
                    return
                if line.startswith(b"data: "):
                    at = datetime.fromisoformat(json.loads(line[6:])["at"]).timestamp()
                    if at > since:
                        seen.lags.append(time.time() - at)
        except OSError:
            seen.failed += 1
        finally:
            writer.transport.abort()

    tasks = [asyncio.create_task(client(number)) for number in range(clients)]
    while seen.opened + seen.refused + seen.failed < clients:
        await asyncio.sleep(0.05)
    since = time.time()
    await asyncio.wait(tasks, timeout=seconds)  # less where the server ends them all
    leave.set()
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    return seen


async def _open(
    url: str, job: str, addresses: Sequence[str], number: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(
            parts.hostname, parts.port, local_addr=(addresses[number % len(addresses)], 0)
        )
    writer.write(f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    return reader, writer


async def _admitted(reader: asyncio.StreamReader, seen: Churned | Stayed) -> bool:
    """Whether the server answers 200; counts which way it went."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            status = (await reader.readline())[9:12]
    except (OSError, TimeoutError):
        status = b""
    if status == b"200":
        seen.opened += 1
    elif status in (b"429", b"503"):
        seen.refused += 1
    else:
        seen.failed += 1
    return status == b"200"


def loopback_addresses(count: int) -> list[str]:
    """Addresses of this machine other than 127.0.0.1, for attackers that are not to be taken for one client.

    >>> loopback_addresses(2)
    ['127.0.1.1', '127.0.1.2']
    """
    return list(itertools.islice((f"127.0.{a}.{b}" for a in range(1, 255) for b in range(1, 255)), count))
