"""Turns of large JSON bodies: each is read in a thread, and few of them are worked on at once."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from service.http.problems import Problem

T = TypeVar("T")

SMALL = 64 * 1024
"""Bytes of a body that is read at once where it arrives, within a few milliseconds; others are large."""
MAX_AT_WORK = 32 * 2**20
"""Bytes of large bodies that are read or worked on; what they say may take twelve times as much."""
WAIT_SECONDS = 10.0
"""How long a body waits for its turn."""


class JsonBodies:
    """The large bodies of one process; :mod:`service.http.body_limit` bounds what of them has arrived.

    Args:
        retry_after_seconds: what ``Retry-After`` says to a refused client.
    """

    def __init__(self, *, retry_after_seconds: int) -> None:
        self._retry_after = str(retry_after_seconds)
        self._thread = anyio.CapacityLimiter(1)
        self._at_work = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def read(self, function: Callable[[bytes], T], body: bytes) -> T:
        """What a function makes of a body whose turn it is; in a thread, one body at a time."""
        return await anyio.to_thread.run_sync(function, body, limiter=self._thread)

    async def turn(self, count: int) -> None:
        """Waits until so many bytes more may be at work, first come first served; :meth:`done` ends the turn.

        Raises:
            Problem: 503 where that takes too long.
        """
        if not self._waiting and self._at_work + count <= MAX_AT_WORK:
            self._at_work += count
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, future))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await future
        except TimeoutError:
            self._give_up(count, future)
            detail, headers = "too many large bodies are waiting", {"Retry-After": self._retry_after}
            raise Problem(503, detail, kind="busy", headers=headers) from None
        except asyncio.CancelledError:
            self._give_up(count, future)
            raise

    def done(self, count: int) -> None:
        """So many bytes are not at work any more; the next ones may be."""
        self._at_work -= count
        while self._waiting and self._at_work + self._waiting[0][0] <= MAX_AT_WORK:
            count, future = self._waiting.popleft()
            if not future.done():
                self._at_work += count
                future.set_result(None)

    def _give_up(self, count: int, future: "asyncio.Future[None]") -> None:
        """Ends a wait, whose turn may have come in the same moment."""
        came = future.done() and not future.cancelled()
        future.cancel()
        self.done(count if came else 0)
