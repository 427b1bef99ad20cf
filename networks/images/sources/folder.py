"""A folder of class folders (:mod:`networks.images.layout`); links are followed within it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from networks.images.decode import Pixels, decode
from networks.images.layout import Entry, arrange
from networks.images.limits import MAX_FILE_BYTES, BadImages
from networks.images.manifest import MOST_BYTES
from networks.images.source import Source
from networks.images.sources import SOURCES


@SOURCES.register
class FolderSource(Source):
    """A folder of class folders."""

    name = "folder"
    endings = ("",)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        root = path.resolve()
        found = [file for file in path.rglob("*") if file.is_file() or file.is_symlink()]
        inside = [file for file in found if file.is_file() and file.resolve().is_relative_to(root)]
        self._files = {file.relative_to(path).as_posix(): file for file in inside}
        listed = [(key, key) for key in self._files]
        links = len(found) - len(inside)
        self.arrange(arrange(listed, path.name, links=links, read=self._table))

    def _table(self, key: str) -> bytes:
        file = self._files[key]
        if file.stat().st_size > MOST_BYTES:
            raise BadImages(f"{key} has more than {MOST_BYTES:,} bytes")
        return file.read_bytes()

    def stamp(self) -> list[object]:
        listed = []
        for entry in self.entries:
            stat = self._files[entry.key].stat()
            listed.append([entry.key, stat.st_size, stat.st_mtime_ns])
        return [self.path.name, listed]

    def images(self, entries: Sequence[Entry], side: int | None) -> Iterator[tuple[int, Pixels]]:
        for index, content in self.contents(entries):
            yield index, decode(content, entries[index].key, side)

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[int, bytes]]:
        for index, entry in enumerate(entries):
            file = self._files[entry.key]
            if file.stat().st_size > MAX_FILE_BYTES:
                raise BadImages(f"{entry.key} has more than {MAX_FILE_BYTES:,} bytes")
            yield index, file.read_bytes()
