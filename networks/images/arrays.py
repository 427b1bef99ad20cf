"""An npz with ``x`` and ``y``: headers are checked before anything is unpacked, pickles are never read."""

import io
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from math import prod
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray
from PIL import Image

from networks.images.decode import Pixels
from networks.images.limits import MOST_ARRAY_BYTES, SEEN_SIDE, BadUpload, check_classes, check_sides
from networks.images.sample import Head, fairly, most_of_a_class, write_image
from networks.images.zips import read_member

HINT = "x is uint8 (n, height, width, 3) or (n, height, width), y holds n whole numbers"
MOST_LABEL_BYTES = 8 << 20
MOST_IMAGES = 1_000_000
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


def write_arrays(archive: zipfile.ZipFile, out: BinaryIO, *, a_class: int, in_all: int) -> None:
    """Writes the sample of an npz.

    Raises:
        BadUpload: naming the array that is wrong, and how.
    """
    members = {member.filename: member for member in archive.infolist()}
    if not {"x.npy", "y.npy"} <= members.keys():
        there = ", ".join(sorted(name.removesuffix(".npy") for name in members)[:8])
        raise BadUpload(f"it needs the arrays x and y, and has {there[:80]}", HINT)
    y = _labels(archive, members["y.npy"])
    names, labels = np.unique(y, return_inverse=True)
    check_classes(len(names))
    most = most_of_a_class(len(names), a_class=a_class, in_all=in_all)
    chosen: dict[int, int] = {}
    for label in range(len(names)):
        rows = np.flatnonzero(labels == label)
        chosen |= {int(rows[index]): label for index in fairly(len(rows), most)}
    try:
        with archive.open(members["x.npy"]) as file:
            header = _header(file, "x", members["x.npy"])
            _check_images(header, len(y))
            out.write(Head(tuple(str(name) for name in names), len(y), len(chosen)).line())
            _write(file, header, chosen, out)
    except BadUpload:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise BadUpload(f"x is damaged: {error}") from None


def _write(file: IO[bytes], header: Header, chosen: dict[int, int], out: BinaryIO) -> None:
    """Reads images one by one and keeps the chosen ones."""
    shape = header.shape[1:]
    size = prod(shape)
    for row in range(max(chosen) + 1):
        content = _exactly(file, size)
        if row in chosen:
            image = np.frombuffer(content, dtype=np.uint8).reshape(shape)
            write_image(out, _seen(image[:, :, 0] if shape[2:] == (1,) else image), chosen[row])


def _seen(image: Pixels) -> Pixels:
    """The middle square of an image; a large one made smaller."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = image[top : top + side, left : left + side]
    if side <= SEEN_SIDE:
        return square
    small = Image.fromarray(square).resize((SEEN_SIDE, SEEN_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.uint8)


def _exactly(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    while len(content) < size:
        more = file.read(size - len(content))
        if not more:
            raise BadUpload("x is damaged: it ends before its last image")
        content += more
    return content


def _check_images(header: Header, count: int) -> None:
    shape, dtype = header.shape, header.dtype
    told = f"{dtype} {shape}"
    if dtype != np.uint8 or len(shape) not in (3, 4):
        raise BadUpload(f"x is {told[:100]}", HINT)
    if len(shape) == 4 and shape[3] not in (1, 3):
        turned = shape[1] in (1, 3) and "; the channels come last here: x.transpose(0, 2, 3, 1)"
        raise BadUpload(f"x is {told[:100]}", HINT + (turned or ""))
    if header.fortran:
        raise BadUpload("x lies in Fortran order", "save np.ascontiguousarray(x)")
    if shape[0] != count:
        raise BadUpload(f"x has {shape[0]:,} images and y {count:,} labels", HINT)
    check_sides(shape[1], shape[2], "each image of x")


def _labels(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """The labels (n,)."""
    file = io.BytesIO(read_member(archive, member, MOST_LABEL_BYTES))
    header = _header(file, "y", member)
    if header.dtype.kind not in "iu" or len(header.shape) != 1 or not 1 <= header.shape[0] <= MOST_IMAGES:
        raise BadUpload(f"y is {header.dtype} {header.shape}"[:100], HINT)
    content = file.read()
    if len(content) != header.shape[0] * header.dtype.itemsize:
        raise BadUpload("y is damaged: it is not as long as it says", HINT)
    return np.frombuffer(content, dtype=header.dtype)


def _header(file: IO[bytes], name: str, member: zipfile.ZipInfo) -> Header:
    """Shape and type of an array, whose length must be what they say.

    Raises:
        BadUpload: it is no array, holds Python objects, or is longer than any that is read.
    """
    try:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its format is {version}")
        shape, fortran, dtype = read(file)
    except _UNREADABLE as error:
        raise BadUpload(f"{name} is no array that can be read: {str(error)[:100]}", HINT) from None
    if dtype.hasobject or dtype.kind == "V":
        raise BadUpload(f"{name} holds Python objects, which are never read", HINT)
    if any(not 0 <= side <= MOST_ARRAY_BYTES for side in shape):
        raise BadUpload(f"{name} is {dtype} {shape}"[:100], HINT)
    length = prod(shape) * dtype.itemsize
    if length > MOST_ARRAY_BYTES:
        raise BadUpload(
            f"{name} unpacks to {length:,} bytes, more than {MOST_ARRAY_BYTES:,}",
            "a few images of each class suffice",
        )
    if not 0 < member.file_size - length < 1 << 17:
        raise BadUpload(f"{name} is not as long as it says", HINT)
    return Header(shape, dtype, fortran)
