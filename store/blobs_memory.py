"""Blobs in the memory of one process, for tests."""

from collections.abc import Iterator
from typing import BinaryIO

from store.blobs import CHUNK, MAX_BYTES, BlobNotFound, Blobs


class MemoryBlobs(Blobs):
    """Blobs that end with the process.

    >>> blobs = MemoryBlobs()
    >>> blobs.get(blobs.put(b"weights"))
    b'weights'
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(max_bytes)
        self._content: dict[str, bytes] = {}

    def names(self) -> Iterator[str]:
        return iter(list(self._content))

    def _keep(self, name: str, scratch: BinaryIO, length: int) -> None:
        self._content[name] = scratch.read()

    def _read(self, name: str) -> Iterator[bytes]:
        if name not in self._content:
            raise BlobNotFound(f"no blob {name}")
        content = self._content[name]
        for start in range(0, len(content), CHUNK):
            yield content[start : start + CHUNK]

    def _has(self, name: str) -> bool:
        return name in self._content

    def _remove(self, name: str) -> None:
        self._content.pop(name, None)
