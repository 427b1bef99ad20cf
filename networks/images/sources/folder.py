"""A folder of class folders: ``train/CLASS/…`` and ``test/CLASS/…``, or ``CLASS/…`` alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from networks.images.decode import MAX_FILE_BYTES, BadImages, Pixels, decode
from networks.images.source import Entry, Source, gathered, labelled
from networks.images.sources import SOURCES


@SOURCES.register
class FolderSource(Source):
    """A folder of class folders."""

    name = "folder"
    endings = ("",)

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._files = {
            file.relative_to(path).as_posix(): file
            for file in path.rglob("*")
            if file.is_file() and not file.is_symlink()
        }
        self.classes, self.entries = labelled(list(self._files), path.name)

    def stamp(self) -> list[object]:
        listed = []
        for entry in self.entries:
            stat = self._files[entry.key].stat()
            listed.append([entry.key, stat.st_size, stat.st_mtime_ns])
        return [self.path.name, listed]

    def read(self, entries: Sequence[Entry], side: int | None) -> Pixels:
        def images() -> Iterator[tuple[int, Pixels]]:
            for index, entry in enumerate(entries):
                file = self._files[entry.key]
                if file.stat().st_size > MAX_FILE_BYTES:
                    raise BadImages(f"{entry.key} has more than {MAX_FILE_BYTES:,} bytes")
                yield index, decode(file.read_bytes(), entry.key, side)

        return gathered(images(), len(entries), side, self.path.name)
