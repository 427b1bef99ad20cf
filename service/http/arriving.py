"""Which uploads arrive at this process at this moment.

A client that goes on after a break asks where the content ends before this process has noticed the break:
what the broken connection brought would still move that end, and what the client sends from there would be
refused.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

Key = tuple[str, ...]


class Arriving:
    """Uploads under way; belongs to one event loop."""

    def __init__(self) -> None:
        self._under_way: dict[Key, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def upload(self, key: Key) -> Iterator[None]:
        """The time in which an upload arrives and is kept."""
        over = asyncio.Event()
        self._under_way[key].add(over)
        try:
            yield
        finally:
            over.set()
            self._under_way[key].discard(over)
            if not self._under_way[key]:
                del self._under_way[key]

    async def settled(self, key: Key, seconds: float) -> None:
        """Returns when what arrives under a key now has ended, or after some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for over in tuple(self._under_way.get(key, ())):
                    await over.wait()
