"""A tar of class folders, as :mod:`networks.images.sources.folder` has them."""

import lzma
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from networks.images.decode import MAX_FILE_BYTES, BadImages, Pixels, decode
from networks.images.source import MAX_BYTES, MAX_FILES, Entry, Source, gathered, labelled
from networks.images.sources import SOURCES


@SOURCES.register
class TarSource(Source):
    """A tar of class folders; read as a stream, nothing of it is unpacked to disk."""

    name = "tar"
    endings = (".tar", ".tar.gz", ".tgz", ".tar.xz")

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.classes, self.entries = labelled([member.name for member in self._members()], path.name)

    def _open(self) -> tarfile.TarFile:
        try:
            return tarfile.open(self.path, "r|*")
        except (tarfile.TarError, OSError, EOFError, lzma.LZMAError) as error:
            raise BadImages(f"{self.path.name} is no tar that can be read: {error}") from None

    def _members(self) -> Iterator[tarfile.TarInfo]:
        with self._open() as archive:
            yield from (member for member, _ in self._walk(archive))

    def _walk(self, archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
        count = total = 0
        try:
            for member in archive:
                count, total = count + 1, total + member.size
                if count > 2 * MAX_FILES or total > MAX_BYTES:
                    raise BadImages(f"{self.path.name} unpacks to more than is admitted")
                if member.isfile():  # links and devices are left out
                    yield member, archive
        except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise BadImages(f"{self.path.name} is damaged: {error}") from None

    def read(self, entries: Sequence[Entry], side: int | None) -> Pixels:
        wanted = {entry.key: index for index, entry in enumerate(entries)}

        def images() -> Iterator[tuple[int, Pixels]]:
            with self._open() as archive:
                for member, _ in self._walk(archive):
                    if (index := wanted.pop(member.name, None)) is None:
                        continue
                    if member.size > MAX_FILE_BYTES:
                        raise BadImages(f"{member.name} has more than {MAX_FILE_BYTES:,} bytes")
                    file = archive.extractfile(member)
                    assert file is not None
                    yield index, decode(file.read(), member.name, side)
                    if not wanted:
                        return

        return gathered(images(), len(entries), side, self.path.name)
