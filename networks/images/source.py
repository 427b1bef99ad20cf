"""The abstract task source: a data set as it lies on disk, and what its formats share.

A data set is asked for by its name under one folder, never by a path (:mod:`networks.images.names`). Each
format is one file in ``networks/images/sources``, or in a package that you install (``docs/extending.md``).
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import numpy as np

from networks.images.decode import Pixels
from networks.images.layout import Entry, Layout
from networks.images.limits import MAX_BYTES, BadImages


class Source(ABC):
    """A data set in one format.

    ``classes`` and ``entries`` are set by the constructor, which reads no pixels; :meth:`arrange` sets them
    from a layout.

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
        self.left_out: Mapping[str, int] = {}

    def arrange(self, layout: Layout) -> None:
        """Takes classes and images from a layout (:func:`networks.images.layout.arrange`)."""
        self.classes, self.entries, self.left_out = layout.classes, layout.entries, layout.left_out

    @abstractmethod
    def images(self, entries: Sequence[Entry], side: int | None) -> Iterator[tuple[int, Pixels]]:
        """Images (side, side, 3) uint8, or (h, w, 3) of their own size without a side, in any order.

        Returns:
            index of the entry, and its image

        Raises:
            BadImages: an image cannot be read.
        """

    def read(self, entries: Sequence[Entry], side: int | None) -> Pixels:
        """Images (n, side, side, 3) uint8 of entries, in their order; of their own size without a side.

        Raises:
            BadImages: an image cannot be read, they differ in size and no side is given, or they do not fit.
        """
        result: Pixels | None = None
        with naming(self.path):
            for index, image in self.images(entries, side):
                if result is None:
                    if len(entries) * image.size > MAX_BYTES:
                        size = f"{image.shape[0]}×{image.shape[1]}"
                        raise BadImages(f"{len(entries):,} images of {size} do not fit")
                    result = np.empty((len(entries), *image.shape), dtype=np.uint8)
                if image.shape != result.shape[1:]:
                    raise BadImages("the images differ in size; say a resolution")
                result[index] = image
        return np.empty((0, side or 1, side or 1, 3), dtype=np.uint8) if result is None else result

    def side(self) -> int:
        """Of the first image as it is, in pixels: the shorter one."""
        height, width = self.read(self.entries[:1], None).shape[1:3]
        return int(min(height, width))

    def digests(self, entries: Sequence[Entry]) -> list[str]:
        """SHA-256 of what each entry holds, in their order; equal images have equal ones.

        Of the pixels, unless the format has a file for each image: then of that, which need not be decoded.

        Raises:
            BadImages: an image cannot be read.
        """
        found = [""] * len(entries)
        with naming(self.path):
            for index, content in self.contents(entries):
                found[index] = hashlib.sha256(content).hexdigest()
        return found

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[int, bytes]]:
        """What each entry holds as bytes, in any order, as :meth:`images` gives pixels."""
        for index, image in self.images(entries, None):
            yield index, repr(image.shape).encode() + image.tobytes()

    def stamp(self) -> list[object]:
        """What changes when the data set does, plain JSON."""
        stat = self.path.stat()
        return [self.path.name, stat.st_size, stat.st_mtime_ns]


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Lets errors say which data set they are of."""
    try:
        yield
    except BadImages as error:
        if path.name in error.message:
            raise
        raise BadImages(f"{path.name}: {error.message}", error.hint) from None
