"""A tar of class folders (:mod:`networks.images.layout`); read as a stream, nothing is unpacked to disk."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from networks.images.decode import Pixels, decode
from networks.images.layout import Entry, arrange
from networks.images.limits import MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, BadImages
from networks.images.manifest import MOST_BYTES
from networks.images.source import Source
from networks.images.sources import SOURCES


@SOURCES.register
class TarSource(Source):
    """A tar, packed or not; links in it are left out."""

    name = "tar"
    endings = (".tar", ".tar.gz", ".tgz", ".tar.xz")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with self._open() as archive:
            members = [(member.name, member.isfile()) for member in self._walk(archive)]
        listed = [(name, name) for name, is_file in members if is_file]
        self.arrange(arrange(listed, path.name, links=len(members) - len(listed), read=self._table))

    def _table(self, key: str) -> bytes:
        """A file of it, read by going through it again."""
        with self._open() as archive:
            member = next(each for each in self._walk(archive) if each.isfile() and each.name == key)
            if member.size > MOST_BYTES:
                raise BadImages(f"{key} has more than {MOST_BYTES:,} bytes")
            file = archive.extractfile(member)
            assert file is not None
            return file.read()

    def _open(self) -> tarfile.TarFile:
        try:
            return tarfile.open(self.path, "r|*")
        except (tarfile.TarError, OSError, EOFError, lzma.LZMAError) as error:
            raise BadImages(f"{self.path.name} is no tar that can be read: {error}") from None

    def _walk(self, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        """Files, links and devices."""
        count = total = 0
        try:
            for member in archive:
                count, total = count + 1, total + member.size
                if count > 2 * MAX_FILES or total > MAX_BYTES:
                    raise BadImages(f"{self.path.name} unpacks to more than is admitted")
                if not member.isdir():
                    yield member
        except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise BadImages(f"{self.path.name} is damaged: {error}") from None

    def images(self, entries: Sequence[Entry], side: int | None) -> Iterator[tuple[int, Pixels]]:
        for index, content in self.contents(entries):
            yield index, decode(content, entries[index].key, side)

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[int, bytes]]:
        wanted = {entry.key: index for index, entry in enumerate(entries)}
        with self._open() as archive:
            for member in self._walk(archive):
                if not member.isfile() or (index := wanted.pop(member.name, None)) is None:
                    continue
                if member.size > MAX_FILE_BYTES:
                    raise BadImages(f"{member.name} has more than {MAX_FILE_BYTES:,} bytes")
                file = archive.extractfile(member)
                assert file is not None
                yield index, file.read()
                if not wanted:
                    return
