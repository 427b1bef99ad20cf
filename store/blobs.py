"""Blobs: content without structure (uploads, checkpoints, trained weights), named by its own SHA-256.

Adapters: :class:`store.blobs_folder.FolderBlobs` (one machine, or a folder that all machines share),
:class:`store.blobs_s3.S3Blobs` (an S3-compatible store) and :class:`store.blobs_memory.MemoryBlobs` (tests).
``tests/store/test_blobs.py`` holds all of them to the same suite.

A name is 64 hexadecimal digits and nothing else, so that no name can lead out of the place where blobs lie.
Every method may raise :class:`store.job.StoreUnavailable` and, where it writes, :class:`store.job.StoreFull`.
"""

import errno
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, final

from store.job import NotFound, StoreError, StoreFull, StoreUnavailable

MAX_BYTES = 1 << 30
CHUNK = 1 << 20
SPOOL_BYTES = 8 << 20
"""Content up to this size is held in memory on its way to a place that is not a folder."""


class BlobNotFound(NotFound):
    """No blob of this name, or the text is no name; a retry changes nothing."""


class BlobDamaged(StoreError):
    """What lies under a name is not what it names; never retry: delete it and put the content again."""


class BlobTooLarge(StoreError):
    """Content beyond the limit; never retry. Nothing was kept, and not much more than the limit was read."""


class Blobs(ABC):
    """Content under its own SHA-256: whole or absent, never changed, read only if it is what its name says.

    Args:
        max_bytes: longest content that is written or read.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.max_bytes = max_bytes

    # what callers do
    @final
    def put(self, content: bytes | BinaryIO) -> str:
        """Keeps content; once this returns it is there, whole.

        The same content may be put any number of times, by any number of processes; a damaged blob is mended.

        Args:
            content: bytes, or a file that is read to its end.

        Returns:
            Its name.

        Raises:
            BlobTooLarge: it is longer than ``max_bytes``.
        """
        source = BytesIO(content) if isinstance(content, bytes) else content
        digest, length = hashlib.sha256(), 0
        with self._scratch() as scratch:
            while chunk := source.read(CHUNK):
                length += len(chunk)
                if length > self.max_bytes:
                    raise BlobTooLarge(f"a blob has at most {self.max_bytes:,} bytes")
                digest.update(chunk)
                with translated():
                    scratch.write(chunk)
            with translated():
                scratch.seek(0)
                self._keep(digest.hexdigest(), scratch, length)
        return digest.hexdigest()

    @final
    def get(self, name: str) -> bytes:
        """The content of a name, in memory, verified.

        Raises:
            BlobNotFound: there is none.
            BlobDamaged: what is there has another digest.
            BlobTooLarge: it is longer than ``max_bytes``.
        """
        return b"".join(self.chunks(name))

    @final
    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a name, piece by piece, for what need not be in memory at once.

        It is verified as it passes: do not act on it before the end was reached without an error.

        Raises:
            as :meth:`get`; :class:`BlobDamaged` only behind the last piece.
        """
        name, digest, length = checked(name), hashlib.sha256(), 0
        for chunk in self._read(name):
            length += len(chunk)
            if length > self.max_bytes:
                raise BlobTooLarge(f"blob {name} has more than {self.max_bytes:,} bytes")
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != name:
            raise BlobDamaged(f"blob {name} holds something else, {length:,} bytes with another digest")

    @final
    def exists(self, name: str) -> bool:
        """Whether something lies under a name; False for text that is no name."""
        return is_name(name) and self._has(name)

    @final
    def delete(self, name: str) -> None:
        """Removes a blob; nothing happens where there is none.

        Raises:
            BlobNotFound: the text is no name.
        """
        self._remove(checked(name))

    @abstractmethod
    def names(self) -> Iterator[str]:
        """The names of all blobs, in any order."""

    # what an adapter does; every name that it sees is one
    @contextmanager
    def _spool(self) -> Iterator[BinaryIO]:
        """Memory, and beyond :data:`SPOOL_BYTES` a temporary file that has no name."""
        with SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            yield file  # type: ignore[misc]

    def _scratch(self) -> AbstractContextManager[BinaryIO]:
        """A place for content whose name is not known yet; gone behind the block unless it was kept."""
        return self._spool()

    @abstractmethod
    def _keep(self, name: str, scratch: BinaryIO, length: int) -> None:
        """Makes what was written to the scratch file the blob of a name, whole or not at all."""

    @abstractmethod
    def _read(self, name: str) -> Iterator[bytes]:
        """What lies under a name, in pieces of about :data:`CHUNK`, unverified.

        Raises:
            BlobNotFound: nothing.
        """

    @abstractmethod
    def _has(self, name: str) -> bool: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...


def is_name(text: str) -> bool:
    """Whether a text is written as a blob's name is.

    >>> is_name("a" * 64), is_name("A" * 64), is_name("../" + "a" * 61), is_name("a" * 64 + chr(10))
    (True, False, False, False)
    """
    return re.fullmatch("[0-9a-f]{64}", text) is not None


def checked(name: str) -> str:
    """The name itself.

    Raises:
        BlobNotFound: the text is no name.
    """
    if not is_name(name):
        raise BlobNotFound("a blob's name is 64 hexadecimal digits")
    return name


@contextmanager
def translated() -> Iterator[None]:
    """Turns the system's errors into the port's, which say whether to retry."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"no room for blobs: {error}") from error
        raise StoreUnavailable(f"the place of blobs cannot be used: {error}") from error


def open_blobs(url: str, *, max_bytes: int = MAX_BYTES) -> Blobs:
    """The blobs at ``file:///folder`` or ``s3://bucket/prefix?endpoint=http://…&region=…``.

    Raises:
        ValueError: for any other URL; the message says what is wrong, without the URL's secrets.
        ModuleNotFoundError: for ``s3`` where the extra of that name is not installed.
    """
    scheme = url.partition(":")[0]
    if scheme == "file":
        from store.blobs_folder import FolderBlobs

        return FolderBlobs.from_url(url, max_bytes)
    if scheme == "s3":
        from store.blobs_s3 import S3Blobs

        return S3Blobs.from_url(url, max_bytes)
    raise ValueError("no such place for blobs: use file:///folder or s3://bucket/prefix")
