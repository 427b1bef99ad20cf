"""Images and labels in an npz, under the names that people give them.

Headers are checked before anything is unpacked, images are read one by one, pickles are never read.
"""

import io
import re
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray
from PIL import Image

from networks.images.decode import Pixels, on_white, seen
from networks.images.labels import Indices, class_indices
from networks.images.layout import TEST, TRAIN, VALIDATION
from networks.images.limits import MOST_ARRAY_BYTES, BadImages, check_classes, check_sides
from networks.images.sample import Head, evenly, write_image
from networks.images.zips import read_member

HINT = (
    "x holds n images, uint8 (n, height, width, 3) or (n, height, width), and y their labels; further splits"
    " are x_val, y_val, x_test and y_test"
)
MOST_LABEL_BYTES = 64 << 20
_NAME = re.compile(r"(?:(train|val|valid|validation|test)_)?(\w+?)(?:_(train|val|valid|validation|test))?")
_PARTS = {"train": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, "test": TEST}
_IMAGES = ("x", "image", "images", "img", "imgs", "data", "pixels", "arr_0")
_LABELS = ("y", "label", "labels", "target", "targets", "class", "classes", "arr_1")
_UNREADABLE = (
    ValueError,
    EOFError,
    SyntaxError,
    TypeError,
    RecursionError,
    MemoryError,
    tokenize.TokenError,
)
"""What numpy raises for a header that is none."""
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError)


@dataclass(frozen=True, slots=True)
class Header:
    """What the beginning of an array says of the rest."""

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    fortran: bool


def is_npz(archive: zipfile.ZipFile) -> bool:
    """Whether a zip holds arrays and nothing else."""
    names = [member.filename for member in archive.infolist()]
    return bool(names) and all(name.endswith(".npy") for name in names)


class Arrays:
    """The images of an npz, split by the names of its arrays.

    Args:
        archive: the npz, opened.
        most_bytes: of one array, unpacked.

    Attributes:
        classes: their names.
        labels: split → class index of each image (n,).

    Raises:
        BadImages: naming the array that is wrong, and how.
    """

    def __init__(self, archive: zipfile.ZipFile, *, most_bytes: int) -> None:
        self._archive = archive
        self._most_bytes = most_bytes
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        self._images, labels = _pairs(members)
        read = {part: self._labels(name, members[name]) for part, name in labels.items()}
        self.classes, self.labels = class_indices(read)
        self._members = {part: members[name] for part, name in self._images.items()}
        for part, y in self.labels.items():
            self._check_images(part, y)

    def images(self, part: str, rows: Sequence[int]) -> Iterator[tuple[int, Pixels]]:
        """Row and image, (h, w) or (h, w, 3), of the rows that are asked for, in the order of the array.

        Raises:
            BadImages: the array is damaged, or holds what are no colours.
        """
        wanted = set(rows)
        if not wanted:
            return
        name, member = self._images[part], self._members[part]
        try:
            factor = self._factor(part)
            with self._archive.open(member) as file:
                header = self._header(file, name, member)
                shape, size = header.shape[1:], prod(header.shape[1:]) * header.dtype.itemsize
                for row in range(max(wanted) + 1):
                    content = _exactly(file, size, name)
                    if row in wanted:
                        image = np.frombuffer(content, dtype=header.dtype).reshape(shape)
                        yield row, _pixels(image, factor)
        except BadImages:
            raise
        except _DAMAGED as error:
            raise BadImages(f"{name} is damaged: {error}") from None

    def _factor(self, part: str) -> float:
        """What the values are multiplied by to lie between 0 and 255; looks at all of them unless bytes.

        Raises:
            BadImages: they are neither bytes nor between 0 and 1.
        """
        name, member = self._images[part], self._members[part]
        with self._archive.open(member) as file:
            header = self._header(file, name, member)
            if header.dtype == np.uint8:
                return 1.0
            if header.dtype.kind == "b":
                return 255.0
            least, most, whole = np.inf, -np.inf, True
            size = prod(header.shape[1:]) * header.dtype.itemsize
            for _ in range(header.shape[0]):
                values = np.frombuffer(_exactly(file, size, name), dtype=header.dtype).astype(np.float64)
                least, most = np.minimum(least, values.min()), np.maximum(most, values.max())
                whole = whole and bool((values == np.floor(values)).all())
        if least >= 0 and most <= 1 and header.dtype.kind == "f":
            return 255.0
        if least >= 0 and most <= 255 and whole:
            return 1.0
        raise BadImages(
            f"{name} is {header.dtype} with values from {least:g} to {most:g}",
            "colours are 0 to 255, or 0 to 1 as float: undo the normalization, or scale them",
        )

    def _check_images(self, part: str, y: Indices) -> None:
        name, member = self._images[part], self._members[part]
        try:
            with self._archive.open(member) as file:
                header = self._header(file, name, member)
        except BadImages:
            raise
        except _DAMAGED as error:
            raise BadImages(f"{name} is damaged: {error}") from None
        shape, dtype = header.shape, header.dtype
        said = f"{name} is {dtype} {shape}"[:100]
        if dtype.kind not in "biuf" or len(shape) not in (3, 4):
            raise BadImages(said, HINT)
        if len(shape) == 4 and shape[3] not in (1, 3, 4):
            turned = f"; the channels come last here: {name}.transpose(0, 2, 3, 1)"
            raise BadImages(said, HINT + (turned if shape[1] in (1, 3, 4) else ""))
        if header.fortran:
            raise BadImages(f"{name} lies in Fortran order", f"save np.ascontiguousarray({name})")
        if shape[0] != len(y):
            raise BadImages(f"{name} has {shape[0]:,} images and {len(y):,} labels", HINT)
        if min(shape) < 1:
            raise BadImages(f"{said}: it is empty", HINT)

    def side_lengths(self, part: str) -> tuple[int, int]:
        """Height and width of the images of a split."""
        member = self._members[part]
        with self._archive.open(member) as file:
            height, width = self._header(file, self._images[part], member).shape[1:3]
        return height, width

    def _labels(self, name: str, member: zipfile.ZipInfo) -> NDArray[Any]:
        file = io.BytesIO(read_member(self._archive, member, MOST_LABEL_BYTES))
        header = self._header(file, name, member)
        content = file.read()
        length = prod(header.shape) * header.dtype.itemsize
        if len(content) != length:
            raise BadImages(f"{name} is damaged: it is not as long as it says", HINT)
        if not header.shape or not header.shape[0]:
            raise BadImages(f"{name} is {header.dtype} {header.shape}"[:100], HINT)
        flat: NDArray[Any] = np.frombuffer(content, dtype=header.dtype)
        return flat.reshape(header.shape[::-1]).T if header.fortran else flat.reshape(header.shape)

    def _header(self, file: IO[bytes], name: str, member: zipfile.ZipInfo) -> Header:
        """Shape and type of an array, whose length must be what they say.

        Raises:
            BadImages: it is no array, holds Python objects, or is longer than any that is read.
        """
        try:
            version = npy_format.read_magic(file)
            read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
            if version not in ((1, 0), (2, 0)):
                raise ValueError(f"its format is {version}")
            shape, fortran, dtype = read(file)
        except _UNREADABLE as error:
            raise BadImages(f"{name} is no array that can be read: {str(error)[:100]}", HINT) from None
        if dtype.hasobject or dtype.kind == "V":
            raise BadImages(f"{name} holds Python objects, which are never read", HINT)
        if any(not 0 <= side <= self._most_bytes for side in shape):
            raise BadImages(f"{name} is {dtype} {shape}"[:100], HINT)
        length = prod(shape) * dtype.itemsize
        if length > self._most_bytes:
            raise BadImages(f"{name} unpacks to {length:,} bytes, more than {self._most_bytes:,}")
        if not 0 < member.file_size - length < 1 << 17:
            raise BadImages(f"{name} is not as long as it says", HINT)
        return Header(shape, dtype, fortran)


def write_arrays(archive: zipfile.ZipFile, out: BinaryIO, *, a_class: int, in_all: int) -> None:
    """Writes the sample of an npz: of its training images.

    Raises:
        BadImages: naming the array that is wrong, and how.
    """
    arrays = Arrays(archive, most_bytes=MOST_ARRAY_BYTES)
    check_classes(len(arrays.classes))
    check_sides(*arrays.side_lengths(TRAIN), "each image")
    labels = arrays.labels[TRAIN]
    chosen = evenly(labels.tolist(), len(arrays.classes), a_class=a_class, in_all=in_all)
    out.write(Head(arrays.classes, len(labels), len(chosen)).line())
    for row, image in arrays.images(TRAIN, chosen):
        write_image(out, seen(Image.fromarray(image)), int(labels[row]))


def _pairs(names: "dict[str, zipfile.ZipInfo]") -> tuple[dict[str, str], dict[str, str]]:
    """Split → name of its images, and split → name of its labels.

    >>> _pairs(dict.fromkeys(["x_train", "y_train", "test_images", "test_labels", "about"]))
    ({'train': 'x_train', 'test': 'test_images'}, {'train': 'y_train', 'test': 'test_labels'})

    Raises:
        BadImages: a split is incomplete, or two arrays could be the same.
    """
    images: dict[str, str] = {}
    labels: dict[str, str] = {}
    for name in names:
        words = name.lower().replace("-", "_").replace(" ", "_")
        parted = _NAME.fullmatch(words)
        part = _PARTS[(parted[1] or parted[3] or "train")] if parted else TRAIN
        base = parted[2] if parted else words
        kind = images if base in _IMAGES else labels if base in _LABELS else None
        if kind is not None and part in kind:
            raise BadImages(f"{kind[part]} and {name} could both be the {part} images or labels", HINT)
        if kind is not None:
            kind[part] = name
    if TRAIN not in images or images.keys() != labels.keys():
        there = ", ".join(sorted(names)[:8])
        raise BadImages(f"it needs the arrays x and y, and has {there[:80]}", HINT)
    return images, labels


def _pixels(image: NDArray[Any], factor: float) -> Pixels:
    """An image of an array as bytes, (h, w) or (h, w, 3)."""
    if image.dtype != np.uint8:
        image = np.rint(image.astype(np.float64) * factor).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 1:
        return image[:, :, 0]
    if image.ndim == 3 and image.shape[2] == 4:
        return np.asarray(on_white(Image.fromarray(image)), dtype=np.uint8)
    return image


def _exactly(file: IO[bytes], size: int, name: str) -> bytes:
    content = file.read(size)
    while len(content) < size:
        more = file.read(size - len(content))
        if not more:
            raise BadImages(f"{name} is damaged: it ends before its last image")
        content += more
    return content
