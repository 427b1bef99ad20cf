"""Looks through a whole data set and says what is in it: ``python -m networks.images.describe FILE
[SAMPLE]``.

It is a program of its own because it reads files of strangers, and only a process can be given limits. It
unpacks every image once, so that a damaged one is named now and not in the middle of a training.
"""

import hashlib
import json
import resource
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import BinaryIO

from networks.images.layout import TRAIN
from networks.images.limits import IMAGES, IMAGES_A_CLASS, BadImages, check_classes, check_sides
from networks.images.read import refuse
from networks.images.sample import Head, evenly, write_image

MEMORY_BYTES = 1 << 30
"""Of addresses, libraries included."""


def describe(path: Path) -> dict[str, object]:
    """Classes, images by split and class, sizes, what was left out, and images that are in two splits.

    Raises:
        BadImages: naming what cannot be used.
    """
    from networks.images.names import open_file

    source = open_file(path)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    splits: dict[bytes, tuple[str, ...]] = {}  # the tuples are shared: there may be millions of images
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    side = 0
    smallest: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    for index, image in source.images(source.entries, None):
        entry = source.entries[index]
        counts[entry.part][source.classes[entry.label]] += 1
        digest = hashlib.sha256(repr(image.shape).encode())
        digest.update(image.data)
        parts = tuple(sorted({*splits.get(digest.digest(), ()), entry.part}))
        splits[digest.digest()] = known.setdefault(parts, parts)
        size = (image.shape[1], image.shape[0])
        side = min(size) if index == 0 else side
        smallest = size if smallest is None else min(smallest, size, key=_area)
        largest = size if largest is None else max(largest, size, key=_area)
    twice = Counter(" and ".join(parts) for parts in splits.values() if len(parts) > 1)
    return {
        "classes": list(source.classes),
        "images": {part: dict(sorted(found.items())) for part, found in sorted(counts.items())},
        "side": side,
        "smallest": smallest,
        "largest": largest,
        "left_out": dict(source.left_out),
        "duplicates": dict(twice),
    }


def write_sample(path: Path, out: BinaryIO) -> None:
    """Writes the sample of training images that a task is made of; it has at least one image of each class.

    Raises:
        BadImages: an image is smaller or larger than a task's may be, or there are too many classes.
    """
    from PIL import Image

    from networks.images.decode import seen
    from networks.images.names import open_file

    source = open_file(path)
    check_classes(len(source.classes))
    training = [entry for entry in source.entries if entry.part == TRAIN]
    labels = [entry.label for entry in training]
    sample = evenly(labels, len(source.classes), a_class=IMAGES_A_CLASS, in_all=IMAGES)
    chosen = [training[index] for index in sample]
    head = Head(source.classes, len(training), len(chosen), dict(source.left_out))
    out.write(head.line())
    for index, image in source.images(chosen, None):
        check_sides(image.shape[0], image.shape[1], chosen[index].key)
        write_image(out, seen(Image.fromarray(image)), chosen[index].label)


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _sampled(path: Path, target: Path) -> str | None:
    """Writes the sample to a file; returns why there is none."""
    try:
        with target.open("wb") as out:
            write_sample(path, out)
    except BadImages as error:
        return str(error)
    return None


def main() -> None:
    """Describes the file that is named, as JSON on standard output."""
    # Loaded before the limit, so that what is left of it belongs to the data set.
    import networks.images.names
    import networks.images.sources.npz  # noqa: F401

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        found = describe(Path(sys.argv[1]))
        if len(sys.argv) > 2:
            found["sample"] = _sampled(Path(sys.argv[1]), Path(sys.argv[2]))
        json.dump(found, sys.stdout)
    except BadImages as error:
        refuse(error.message, error.hint)
    except MemoryError:
        refuse(f"reading it takes more than {MEMORY_BYTES >> 20} MB", "smaller images")


if __name__ == "__main__":
    main()
