"""Blobs in the memory of one process, for tests."""

import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from store.blobs.blobs import CHUNK, MAX_BYTES, Area, BlobNotFound, Blobs, Entry


class MemoryBlobs(Blobs):
    """Blobs that end with the process.

    Args:
        clock: gives seconds; tests pass their own.

    >>> blobs = MemoryBlobs()
    >>> blobs.get(blobs.put(b"weights"))
    b'weights'
    """

    def __init__(self, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(max_bytes)
        self._clock = clock
        self._content: dict[tuple[Area, str], tuple[float, bytes]] = {}

    def _list(self, area: Area) -> Iterator[Entry]:
        now = self._clock()
        for (place, name), (at, content) in list(self._content.items()):
            if place is area:
                yield Entry(name, now - at, len(content))

    def _keep(self, area: Area, name: str, scratch: BinaryIO, length: int, digest: str) -> None:
        self._content[area, name] = self._clock(), scratch.read()

    def _read(self, area: Area, name: str) -> Iterator[bytes]:
        if (area, name) not in self._content:
            raise BlobNotFound(f"no blob {name}")
        _, content = self._content[area, name]
        for start in range(0, len(content), CHUNK):
            yield content[start : start + CHUNK]

    def _age(self, area: Area, name: str) -> float | None:
        found = self._content.get((area, name))
        return None if found is None else self._clock() - found[0]

    def _move(self, name: str, source: Area, target: Area) -> bool:
        found = self._content.get((source, name))
        if found is None:
            return False
        self._content[target, name] = self._clock(), found[1]
        self._content.pop((source, name), None)
        return True

    def _remove(self, area: Area, name: str) -> None:
        self._content.pop((area, name), None)
