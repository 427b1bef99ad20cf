"""Blobs: content without structure (uploads, checkpoints, trained weights), named by its own SHA-256.

Adapters: :class:`store.blobs.folder.FolderBlobs` (one machine, or a folder that all machines share),
:class:`store.blobs.s3.S3Blobs` (an S3-compatible store) and :class:`store.blobs.memory.MemoryBlobs` (tests).
``tests/store/test_blobs.py`` holds all of them to the same suite.

A name is 64 hexadecimal digits and nothing else, so that no name can lead out of the place where blobs lie.
Equal content has one name, whoever put it: nobody can know that no one else uses a blob. So nobody deletes
one; :mod:`store.blobs.collector` sets aside what no row names, and purges it later. Whoever asks for a blob
that is set aside has it back.

A slot is the opposite: a place that one owner writes again and again, such as a job's checkpoint. Its owner
alone reads it, so its owner may drop it.

Every method may raise :class:`store.jobs.job.StoreUnavailable` and, where it writes,
:class:`store.jobs.job.StoreFull`.
"""

import errno
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, final

from store.jobs.job import NotFound, StoreError, StoreFull, StoreUnavailable
from store.translated import translated

MAX_BYTES = 1 << 30
CHUNK = 1 << 20
DIGEST_BYTES = hashlib.sha256().digest_size
SPOOL_BYTES = 8 << 20
"""Content up to this size is held in memory on its way to a place that is not a folder."""


class Area(StrEnum):
    """Where content lies; the value is a folder's name, or part of an object's."""

    KEPT = ""
    ASIDE = "aside"
    """Blobs that no row named when the collector looked."""
    SLOTS = "slots"


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies under a name.

    Args:
        name: a blob's, or a slot's.
        age_seconds: since it was last put, or set aside, by the clock of the place itself.
        length: bytes.
    """

    name: str
    age_seconds: float
    length: int


class BlobNotFound(NotFound):
    """No blob of this name, or the text is no name; a retry changes nothing."""


class BlobDamaged(StoreError):
    """What lies under a name is not what it names; never retry: put the content again."""


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
        Each time its age begins anew: there is the collector's grace time to commit a row that names it.

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
                with disk_errors():
                    scratch.write(chunk)
            with disk_errors():
                scratch.seek(0)
                name = digest.hexdigest()
                self._keep(Area.KEPT, name, scratch, length, name)
        return name

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
        for chunk in self._found(name):
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
        return is_name(name) and self.restore(name)

    @final
    def names(self) -> Iterator[str]:
        """The names of all blobs, in any order, without those that are set aside."""
        return (entry.name for entry in self.entries())

    @final
    def check(self) -> None:
        """Returns when blobs can be read and written, as far as that can be tried without keeping one.

        Raises:
            StoreUnavailable, StoreFull: they cannot.
        """
        self._try()

    # what the collector does
    @final
    def entries(self) -> Iterator[Entry]:
        """All blobs, in any order, without those that are set aside."""
        return (entry for entry in self._list(Area.KEPT) if is_name(entry.name))

    @final
    def set_aside(self, name: str, grace_seconds: float) -> bool:
        """Puts a blob where it waits to be purged, unless it was put within the grace time.

        Returns:
            Whether it did; not where there is none.
        """
        age = self._age(Area.KEPT, checked(name))
        return age is not None and age > grace_seconds and self._move(name, Area.KEPT, Area.ASIDE)

    @final
    def aside(self) -> Iterator[Entry]:
        """The blobs that are set aside; their age counts from then."""
        return (entry for entry in self._list(Area.ASIDE) if is_name(entry.name))

    @final
    def restore(self, name: str) -> bool:
        """Brings a blob back that was set aside; whether there is one now."""
        if self._age(Area.KEPT, checked(name)) is not None:
            return True
        return self._move(name, Area.ASIDE, Area.KEPT) or self._age(Area.KEPT, name) is not None

    @final
    def purge(self, name: str) -> None:
        """Removes a blob that was set aside, for good; one of the same name that was put since stays."""
        self._remove(Area.ASIDE, checked(name))

    # what the owner of a slot does
    @final
    def write_slot(self, slot: str, content: bytes) -> None:
        """Keeps content in the place of what the slot held; the one or the other is there at any time.

        Args:
            slot: up to 100 letters, digits, dots and hyphens.

        Raises:
            BlobTooLarge: it is longer than ``max_bytes``.
        """
        if len(content) > self.max_bytes:
            raise BlobTooLarge(f"a slot has at most {self.max_bytes:,} bytes")
        whole = hashlib.sha256(content).digest() + content
        with self._scratch() as scratch, disk_errors():
            scratch.write(whole)
            scratch.seek(0)
            self._keep(Area.SLOTS, _slot(slot), scratch, len(whole), hashlib.sha256(whole).hexdigest())

    @final
    def read_slot(self, slot: str) -> bytes | None:
        """What a slot holds; None where it holds nothing.

        Raises:
            BlobDamaged: what is there is not what was written.
        """
        pieces: list[bytes] = []
        try:
            for piece in self._read(Area.SLOTS, _slot(slot)):
                pieces.append(piece)
                if sum(map(len, pieces)) > self.max_bytes + DIGEST_BYTES:
                    raise BlobTooLarge(f"slot {slot} has more than {self.max_bytes:,} bytes")
        except BlobNotFound:
            return None
        whole = b"".join(pieces)
        if hashlib.sha256(whole[DIGEST_BYTES:]).digest() != whole[:DIGEST_BYTES]:
            raise BlobDamaged(f"slot {slot} holds something else than was written")
        return whole[DIGEST_BYTES:]

    @final
    def drop_slot(self, slot: str) -> None:
        """Empties a slot; nothing happens where it holds nothing."""
        self._remove(Area.SLOTS, _slot(slot))

    @final
    def slots(self) -> Iterator[Entry]:
        """The slots that hold something, in any order."""
        return (entry for entry in self._list(Area.SLOTS) if _SLOT.fullmatch(entry.name))

    # what an adapter does; every name that it sees is one
    @contextmanager
    def _spool(self) -> Iterator[BinaryIO]:
        """Memory, and beyond :data:`SPOOL_BYTES` a temporary file that has no name."""
        with SpooledTemporaryFile(max_size=SPOOL_BYTES) as file:
            yield file  # type: ignore[misc]

    def _scratch(self) -> AbstractContextManager[BinaryIO]:
        """A place for content whose name is not known yet; gone behind the block unless it was kept."""
        return self._spool()

    def _found(self, name: str) -> Iterator[bytes]:
        """A blob's content, unverified, brought back where it was set aside."""
        try:
            yield from self._read(Area.KEPT, name)
        except BlobNotFound:
            if not self.restore(name):
                raise
            yield from self._read(Area.KEPT, name)

    def _try(self) -> None:
        """Reads, and writes where that leaves nothing behind."""
        self.exists("0" * 64)

    @abstractmethod
    def _list(self, area: Area) -> Iterator[Entry]:
        """All that lies in an area, perhaps with things that are no blobs."""

    @abstractmethod
    def _keep(self, area: Area, name: str, scratch: BinaryIO, length: int, digest: str) -> None:
        """Makes what was written to the scratch file the content of a name, whole or not at all.

        Its age begins anew, also where the same content was there before. ``digest`` is the content's.
        """

    @abstractmethod
    def _read(self, area: Area, name: str) -> Iterator[bytes]:
        """What lies under a name, in pieces of about :data:`CHUNK`, unverified.

        Raises:
            BlobNotFound: nothing.
        """

    @abstractmethod
    def _age(self, area: Area, name: str) -> float | None:
        """Seconds since it came there, by the clock of the place; None where nothing is."""

    @abstractmethod
    def _move(self, name: str, source: Area, target: Area) -> bool:
        """Moves content, which is in one of the areas at any time; its age begins anew.

        Returns:
            Whether it did; not where nothing is there.
        """

    @abstractmethod
    def _remove(self, area: Area, name: str) -> None: ...


def is_name(text: str) -> bool:
    """Whether a text is written as a blob's name is.

    >>> is_name("a" * 64), is_name("A" * 64), is_name("../" + "a" * 61), is_name("a" * 64 + chr(10))
    (True, False, False, False)
    """
    return re.fullmatch("[0-9a-f]{64}", text) is not None


_SLOT = re.compile("[0-9A-Za-z][0-9A-Za-z.-]{0,99}")


def _slot(name: str) -> str:
    if _SLOT.fullmatch(name) is None:
        raise ValueError("a slot's name is up to 100 letters, digits, dots and hyphens")
    return name


def checked(name: str) -> str:
    """The name itself.

    Raises:
        BlobNotFound: the text is no name.
    """
    if not is_name(name):
        raise BlobNotFound("a blob's name is 64 hexadecimal digits")
    return name


def disk_errors() -> AbstractContextManager[None]:
    """Translates the system's errors, see :func:`store.translated.translated`."""
    return translated((OSError,), _of_disk)


def _of_disk(error: Exception) -> Exception:
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return StoreFull(f"no room for blobs: {error}")
    return StoreUnavailable(f"the place of blobs cannot be used: {error}")
