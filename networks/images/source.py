"""The abstract task source: a data set as it lies on disk, and what its formats share.

A data set is asked for by its name under one folder, never by a path (:mod:`networks.images.names`). Each
format is one file in ``networks/images/sources``, or in a package that you install (``docs/extending.md``).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np

from networks.images.decode import SUFFIXES, BadImages, Pixels

MAX_FILES = 2_000_000
MAX_BYTES = 8 << 30
"""Of pixels in memory, and of an archive that is unpacked."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled image of a data set, not read yet: its key, class and part (``train`` or ``test``)."""

    key: str
    label: int
    part: str


class Source(ABC):
    """A data set in one format.

    ``classes`` and ``entries`` are set by the constructor, which reads no pixels.

    Args:
        path: of the file or folder.

    Raises:
        BadImages: there are no images in it, or it is damaged.
    """

    name: ClassVar[str]
    """Of the format; its module has the same name."""
    endings: ClassVar[tuple[str, ...]]
    """Of file names, such as ``.npz``; the empty one stands for a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.classes: tuple[str, ...] = ()
        self.entries: tuple[Entry, ...] = ()

    @abstractmethod
    def read(self, entries: Sequence[Entry], side: int | None) -> Pixels:
        """Images (n, side, side, 3) uint8 of entries, in their order; of their own size without a side.

        Raises:
            BadImages: an image cannot be read, or they differ in size and no side is given.
        """

    def stamp(self) -> list[object]:
        """What changes when the data set does, plain JSON."""
        stat = self.path.stat()
        return [self.path.name, stat.st_size, stat.st_mtime_ns]


def labelled(keys: Sequence[str], where: str) -> tuple[tuple[str, ...], tuple[Entry, ...]]:
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


def gathered(read: Iterator[tuple[int, Pixels]], count: int, side: int | None, where: str) -> Pixels:
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
