"""Arrays in an npz: ``x`` (uint8, n×h×w×3) and ``y`` (whole numbers from 0), ``x_test`` and ``y_test``."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from networks.images.decode import BadImages, Pixels, resize
from networks.images.source import MAX_BYTES, Entry, Source
from networks.images.sources import SOURCES


@SOURCES.register
class NpzSource(Source):
    """Arrays in an npz file; their headers are checked before anything is read, and pickles are refused."""

    name = "npz"
    endings = (".npz",)

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
