"""Blobs in a folder: of this machine, or one that all machines mount."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Self
from urllib.parse import unquote, urlsplit

from store.blobs.blobs import CHUNK, MAX_BYTES, Area, BlobDamaged, BlobNotFound, Blobs, Entry, disk_errors
from store.jobs.job import StoreUnavailable

INCOMING = "incoming"
ROOM_BYTES = 64 * 1024
"""Free bytes below which the folder counts as full."""
STALE_SECONDS = 24 * 3600.0
"""An unfinished file that nobody has written to for this long was left by a process that was killed."""


class FolderBlobs(Blobs):
    """A file for each blob, ``ab/ab12…``; written beside it, synced, and then renamed into its place.

    Args:
        folder: made when needed, readable by its owner alone.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        super().__init__(max_bytes)
        self.folder = folder.absolute()
        with disk_errors():
            for name in (INCOMING, Area.ASIDE, Area.SLOTS):
                (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()

    @classmethod
    def from_url(cls, url: str, max_bytes: int = MAX_BYTES) -> Self:
        """The folder of a ``file:///…`` URL.

        Raises:
            ValueError: the URL names a host, or no absolute path.
        """
        parts = urlsplit(url)
        path = unquote(parts.path)
        if parts.netloc not in ("", "localhost") or not path.startswith("/") or "\0" in path:
            raise ValueError("a folder of blobs is file:///absolute/path")
        return cls(Path(path), max_bytes)

    def _list(self, area: Area) -> Iterator[Entry]:
        pattern = "[0-9a-f][0-9a-f]/*" if area is Area.KEPT else f"{area}/*"
        with disk_errors():
            now = self._now()
            for place in sorted(self.folder.glob(pattern)):
                try:
                    found = place.lstat()
                except FileNotFoundError:
                    continue  # another process moved it meanwhile
                yield Entry(place.name, now - found.st_mtime, found.st_size)

    def _try(self) -> None:
        with self._scratch() as scratch, disk_errors():
            scratch.write(bytes(ROOM_BYTES))
            scratch.flush()

    @contextmanager
    def _scratch(self) -> Iterator[BinaryIO]:
        with disk_errors():
            file = NamedTemporaryFile(dir=self.folder / INCOMING, delete=False)  # noqa: SIM115
        try:
            with file:
                yield file  # type: ignore[misc]
        finally:
            Path(file.name).unlink(missing_ok=True)  # renamed by now, unless something failed

    def _keep(self, area: Area, name: str, scratch: BinaryIO, length: int, digest: str) -> None:
        place = self._place(area, name)
        scratch.flush()
        os.utime(scratch.fileno())  # what was read slowly is as new as what was read at once
        os.fsync(scratch.fileno())
        place.parent.mkdir(exist_ok=True, mode=0o700)
        Path(scratch.name).replace(place)
        for folder in (place.parent, self.folder):
            _sync(folder)

    def _read(self, area: Area, name: str) -> Iterator[bytes]:
        try:
            # A link in the place of a blob is not followed: it may lead anywhere.
            descriptor = os.open(self._place(area, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BlobNotFound(f"no blob {name}") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise BlobDamaged(f"blob {name} is a link") from None
            raise StoreUnavailable(f"blob {name} cannot be read: {error}") from error
        with disk_errors(), os.fdopen(descriptor, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def _age(self, area: Area, name: str) -> float | None:
        with disk_errors():
            try:
                found = self._place(area, name).lstat()
            except FileNotFoundError:
                return None
            return self._now() - found.st_mtime

    def _move(self, name: str, source: Area, target: Area) -> bool:
        place, there = self._place(source, name), self._place(target, name)
        with disk_errors():
            there.parent.mkdir(exist_ok=True, mode=0o700)
            try:
                # Its age first: were it the other way round, what was just set aside would look old.
                os.utime(place, follow_symlinks=False)
                place.replace(there)
            except FileNotFoundError:
                return False
        # Not synced: after a power cut it is in the one place or in the other, and either will do.
        return True

    def _remove(self, area: Area, name: str) -> None:
        with disk_errors():
            self._place(area, name).unlink(missing_ok=True)

    def _now(self) -> float:
        """The time by the clock that dates the files: a shared folder's server has its own."""
        with NamedTemporaryFile(dir=self.folder / INCOMING) as file:
            return os.fstat(file.fileno()).st_mtime

    def _place(self, area: Area, name: str) -> Path:
        return self.folder / (name[:2] if area is Area.KEPT else area) / name

    def _sweep(self) -> None:
        latest = self._now() - STALE_SECONDS
        for path in (self.folder / INCOMING).iterdir():
            try:
                if path.lstat().st_mtime < latest:
                    path.unlink()
            except FileNotFoundError:
                continue  # another process finished or swept it


def _sync(folder: Path) -> None:
    """Makes a rename in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
