"""Where images come from: a folder of class folders, a tar of such folders, or an npz file.

A data set is asked for by its name under one folder, never by a path: ``flowers`` is ``flowers/``,
``flowers.npz``, ``flowers.tar``, ``flowers.tar.gz`` or ``flowers.tar.xz`` in it. ``train/CLASS/…`` and
``test/CLASS/…`` keep a test set apart; ``CLASS/…`` alone has none. An npz holds ``x`` (uint8, n×h×w×3) and
``y`` (whole numbers from 0), and may hold ``x_test`` and ``y_test``.
"""

import lzma
import re
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from networks.images.decode import MAX_FILE_BYTES, SUFFIXES, BadImages, Pixels, decode, resize

MAX_FILES = 2_000_000
MAX_BYTES = 8 << 30
"""Of pixels in memory, and of an archive that is unpacked."""
ENDINGS = (".npz", ".tar", ".tar.gz", ".tgz", ".tar.xz")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled image of a data set, not read yet: its key, class and part (``train`` or ``test``)."""

    key: str
    label: int
    part: str


class Source(ABC):
    """A data set as it lies on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.classes: tuple[str, ...] = ()
        self.entries: tuple[Entry, ...] = ()

    @abstractmethod
    def read(self, entries: Sequence[Entry], side: int | None) -> Pixels:
        """Images (n, side, side, 3) of entries, in their order."""

    def stamp(self) -> list[object]:
        """What changes when the data set does."""
        stat = self.path.stat()
        return [self.path.name, stat.st_size, stat.st_mtime_ns]


def names(folder: Path) -> list[str]:
    """The data sets of a folder, by name."""
    found = set()
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            found.add(path.name)
        found |= {path.name.removesuffix(ending) for ending in ENDINGS if path.name.endswith(ending)}
    return sorted(name for name in found if NAME.fullmatch(name))


def find(folder: Path, name: str) -> Path:
    """The file or folder of a data set.

    Raises:
        BadImages: there is none of the name, or the text is no name.
    """
    if NAME.fullmatch(name):
        for path in (folder / name, *(folder / f"{name}{ending}" for ending in ENDINGS)):
            # A link is followed only within the folder: a name must not lead elsewhere.
            if path.exists() and path.resolve().is_relative_to(folder.resolve()):
                return path
    raise BadImages(f"no data set {name!r}; there are {', '.join(names(folder)) or 'none'}")


def open_source(folder: Path, name: str) -> Source:
    """A data set by its name.

    Raises:
        BadImages: there is none, or it holds no images.
    """
    path = find(folder, name)
    if path.is_dir():
        return _FolderSource(path)
    return _NpzSource(path) if path.suffix == ".npz" else _TarSource(path)


def _entries(keys: Sequence[str], where: str) -> tuple[tuple[str, ...], tuple[Entry, ...]]:
    """Classes and entries of paths ``[…/]train/CLASS/FILE`` or ``[…/]CLASS/FILE``."""
    paths = [(key, PurePosixPath(key)) for key in keys if PurePosixPath(key).suffix.lower() in SUFFIXES]
    paths = [(key, path) for key, path in paths if len(path.parts) >= 2 and not path.name.startswith(".")]
    parted = any(len(path.parts) >= 3 and path.parts[-3] == "train" for _, path in paths)
    classes = tuple(sorted({path.parts[-2] for _, path in paths}))
    if len(classes) < 2:
        raise BadImages(f"{where} needs at least two class folders with images ({', '.join(SUFFIXES)})")
    if len(paths) > MAX_FILES:
        raise BadImages(f"{where} holds {len(paths):,} images, more than {MAX_FILES:,}")
    label = {name: index for index, name in enumerate(classes)}
    entries = []
    for key, path in sorted(paths):
        part = path.parts[-3] if parted and len(path.parts) >= 3 else "train"
        entries.append(
            Entry(key, label[path.parts[-2]], "test" if part in ("test", "val", "valid") else "train")
        )
    return classes, tuple(entries)


def _gather(read: Iterator[tuple[int, Pixels]], count: int, side: int | None, where: str) -> Pixels:
    """Images that arrive in any order, as one array; all of one size unless a side was given."""
    result: Pixels | None = None
    for index, image in read:
        if result is None:
            if count * image.size > MAX_BYTES:
                raise BadImages(f"{where}: {count:,} images of {image.shape[0]}×{image.shape[1]} do not fit")
            result = np.empty((count, *image.shape), dtype=np.uint8)
        if image.shape != result.shape[1:]:
            raise BadImages(f"{where}: the images differ in size; say a resolution")
        result[index] = image
    return np.empty((0, side or 1, side or 1, 3), dtype=np.uint8) if result is None else result


class _FolderSource(Source):
    """A folder of class folders."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._files = {
            file.relative_to(path).as_posix(): file
            for file in path.rglob("*")
            if file.is_file() and not file.is_symlink()
        }
        self.classes, self.entries = _entries(list(self._files), path.name)

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

        return _gather(images(), len(entries), side, self.path.name)


class _TarSource(Source):
    """A tar of class folders; read as a stream, nothing of it is unpacked to disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.classes, self.entries = _entries([member.name for member in self._members()], path.name)

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

        return _gather(images(), len(entries), side, self.path.name)


class _NpzSource(Source):
    """Arrays in an npz file; their headers are checked before anything is read, and pickles are refused."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        shapes = self._shapes()
        if not {"x", "y"} <= shapes.keys():
            raise BadImages(f"{path.name} needs the arrays x and y")
        labels = {part: self._labels(part) for part in ("train", "test") if self._key("x", part) in shapes}
        for part, y in labels.items():
            shape, kind = shapes[self._key("x", part)]
            if kind != np.uint8 or len(shape) != 4 or shape[3] != 3 or shape[0] != len(y) or not shape[0]:
                raise BadImages(
                    f"{path.name}: {self._key('x', part)} must be uint8 (n, h, w, 3), a label each"
                )
        top = max(int(y.max()) for y in labels.values())
        if min(int(y.min()) for y in labels.values()) < 0 or not 1 <= top < 100_000:
            raise BadImages(f"{path.name}: labels are whole numbers from 0, of at least two classes")
        self.classes = tuple(str(number) for number in range(top + 1))
        self.entries = tuple(
            Entry(str(index), int(label), part)
            for part, y in labels.items()
            for index, label in enumerate(y.tolist())
        )

    @staticmethod
    def _key(letter: str, part: str) -> str:
        return letter if part == "train" else f"{letter}_test"

    def _shapes(self) -> dict[str, tuple[tuple[int, ...], np.dtype[np.generic]]]:
        """Array → shape and type, from the headers alone."""
        found = {}
        try:
            with zipfile.ZipFile(self.path) as archive:
                for item in archive.infolist():
                    if item.file_size > MAX_BYTES:
                        raise BadImages(f"{self.path.name}: {item.filename} unpacks to too much")
                    with archive.open(item) as file:
                        version = npy_format.read_magic(file)
                        reader = (
                            npy_format.read_array_header_1_0
                            if version == (1, 0)
                            else npy_format.read_array_header_2_0
                        )
                        shape, _, kind = reader(file)
                    if int(np.prod(shape, dtype=object)) * kind.itemsize > MAX_BYTES:
                        raise BadImages(f"{self.path.name}: {item.filename} is too large")
                    found[item.filename.removesuffix(".npy")] = (shape, kind)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error) as error:
            if isinstance(error, BadImages):
                raise
            raise BadImages(f"{self.path.name} is no npz that can be read: {error}") from None
        return found

    def _array(self, key: str) -> NDArray[np.generic]:
        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                array: NDArray[np.generic] = arrays[key]
                return array
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, zlib.error) as error:
            raise BadImages(f"{self.path.name}: {key} cannot be read: {error}") from None

    def _labels(self, part: str) -> NDArray[np.int64]:
        y = self._array(self._key("y", part))
        if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer) or not len(y):
            raise BadImages(f"{self.path.name}: {self._key('y', part)} must hold one whole number an image")
        return y.astype(np.int64)

    def read(self, entries: Sequence[Entry], side: int | None) -> Pixels:
        parts = {part: self._array(self._key("x", part)) for part in sorted({e.part for e in entries})}
        chosen = {
            part: x[[int(entry.key) for entry in entries if entry.part == part]] for part, x in parts.items()
        }
        images = np.concatenate(list(chosen.values())) if chosen else np.empty((0, 1, 1, 3), np.uint8)
        order = np.argsort(np.argsort([entry.part for entry in entries], kind="stable"), kind="stable")
        ordered: Pixels = images[order].astype(np.uint8)
        if side is None and len(ordered) and ordered.shape[1] != ordered.shape[2]:
            side = min(ordered.shape[1:3])
        return ordered if side is None else resize(ordered, side)
