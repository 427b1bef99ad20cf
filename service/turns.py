"""In which order requests begin: a few in each turn of the event loop, and clients one after the other.

A thousand requests that arrive at once would otherwise all run in one turn, and everyone else waits for it.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

BEGUN_A_TURN = 8
"""Requests that begin in one turn of the event loop: some milliseconds of work."""


class Turns:
    """Begins requests; used in one event loop."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()
        self._left = BEGUN_A_TURN
        self._scheduled = False

    def begin(self, client: str, start: Callable[[], None]) -> None:
        """Calls ``start`` now where few others have begun, else in a later turn."""
        if self._left > 0 and not self._waiting:
            self._left -= 1
            start()
        else:
            self._waiting.setdefault(client, deque()).append(start)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self._left = BEGUN_A_TURN
        while self._waiting and self._left > 0:
            client, starts = self._waiting.popitem(last=False)
            self._left -= 1
            starts.popleft()()
            if starts:
                self._waiting[client] = starts  # behind all others
        if self._waiting:
            self._schedule()
