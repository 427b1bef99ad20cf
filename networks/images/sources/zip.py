"""A zip of class folders (:mod:`networks.images.layout`); nothing is unpacked to disk."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from networks.images.decode import Pixels, decode
from networks.images.file_names import member_name
from networks.images.folders import zip_names
from networks.images.layout import Entry, arrange
from networks.images.limits import MAX_FILE_BYTES, MAX_FILES
from networks.images.manifest import MOST_BYTES
from networks.images.source import Source
from networks.images.sources import SOURCES
from networks.images.zips import open_zip, read_member

MAX_DIRECTORY_BYTES = 1 << 30
"""Of a zip's list of its files."""


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip of a data set.

    Raises:
        BadImages: it cannot be read.
    """
    limits = {"files": 2 * MAX_FILES, "directory_bytes": MAX_DIRECTORY_BYTES}
    with path.open("rb") as file, open_zip(file, **limits) as archive:
        yield archive


@SOURCES.register
class ZipSource(Source):
    """A zip of class folders."""

    name = "zip"
    endings = (".zip",)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with opened(path) as archive:
            members = archive.infolist()
            self.arrange(
                arrange(
                    zip_names(archive),
                    path.name,
                    read=lambda key: read_member(archive, members[int(key)], MOST_BYTES),
                )
            )

    def images(self, entries: Sequence[Entry], side: int | None) -> Iterator[tuple[int, Pixels]]:
        for index, content, name in self._members(entries):
            yield index, decode(content, name, side)

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[int, bytes]]:
        for index, content, _ in self._members(entries):
            yield index, content

    def _members(self, entries: Sequence[Entry]) -> Iterator[tuple[int, bytes, str]]:
        with opened(self.path) as archive:
            members = archive.infolist()
            for index, entry in enumerate(entries):
                member = members[int(entry.key)]
                yield index, read_member(archive, member, MAX_FILE_BYTES), member_name(member)
