"""A sample of labelled images as a stream of bytes, from the process that reads an upload to the one that
embeds it: one line of JSON (:class:`Head`), then each image as height, width, channels, label and pixels.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import BinaryIO, Self

import numpy as np

from networks.images.decode import Pixels

_IMAGE = struct.Struct("<HHHH")
LONGEST_HEAD = 2 << 20
"""1,000 classes of 100 characters that JSON escapes by twelve bytes each are 1.2 MB."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a sample holds.

    Args:
        classes: their names.
        images: how many training images the upload holds.
        sampled: how many of them follow.
        left_out: why something was not taken → how many files.
    """

    classes: tuple[str, ...]
    images: int
    sampled: int
    left_out: dict[str, int] = field(default_factory=dict)

    def line(self) -> bytes:
        """The head as the stream's first line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, stream: BinaryIO) -> Self:
        """The head of a stream that stands at its beginning.

        Raises:
            ValueError: it has none.
        """
        fields = json.loads(stream.readline(LONGEST_HEAD))
        return cls(**(fields | {"classes": tuple(str(name) for name in fields["classes"])}))


def write_image(stream: BinaryIO, image: Pixels, label: int) -> None:
    """Adds an image (h, w, 3) or (h, w)."""
    channels = 0 if image.ndim == 2 else image.shape[2]
    stream.write(_IMAGE.pack(*image.shape[:2], channels, label))
    stream.write(np.ascontiguousarray(image).tobytes())


def read_images(stream: BinaryIO, count: int) -> Iterator[tuple[Pixels, int]]:
    """The images behind a head, each with its label.

    Raises:
        ValueError: the stream ends before the last one.
    """
    for _ in range(count):
        head = stream.read(_IMAGE.size)
        if len(head) < _IMAGE.size:
            raise ValueError("the sample ends too early")
        height, width, channels, label = _IMAGE.unpack(head)
        content = stream.read(height * width * max(channels, 1))
        shape = (height, width) if channels == 0 else (height, width, channels)
        yield np.frombuffer(content, dtype=np.uint8).reshape(shape), label


def fairly(count: int, most: int) -> list[int]:
    """At most so many indices of ``count`` things, evenly chosen.

    >>> fairly(3, 5), fairly(100, 4)
    ([0, 1, 2], [0, 33, 66, 99])
    """
    if count <= most:
        return list(range(count))
    return [int(index) for index in np.linspace(0, count - 1, most).round()]


def most_of_a_class(classes: int, *, a_class: int, in_all: int) -> int:
    """Images taken of each class.

    >>> most_of_a_class(10, a_class=20, in_all=400), most_of_a_class(1000, a_class=20, in_all=400)
    (20, 1)
    """
    return max(1, min(a_class, in_all // classes))


def evenly(labels: Sequence[int], classes: int, *, a_class: int, in_all: int) -> list[int]:
    """Indices of a sample of labelled images, class by class, evenly chosen within each.

    >>> evenly([0, 1, 0, 0], 2, a_class=2, in_all=400)
    [0, 3, 1]
    """
    most = most_of_a_class(classes, a_class=a_class, in_all=in_all)
    of_class: list[list[int]] = [[] for _ in range(classes)]
    for index, label in enumerate(labels):
        of_class[label].append(index)
    return [own[place] for own in of_class for place in fairly(len(own), most)]
