"""Test images of a data set whose makers set none apart: a fifth of each class, chosen by content.

An image's SHA-256 decides, whatever the file is called, in whatever order it comes and at whatever resolution
it is used: whoever trains on the same images sets the same ones apart, before anything is chosen by any of
them, and copies of an image lie on one side.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from networks.images.layout import TEST, Entry

SHARE = 0.2


def held_out(entries: Sequence[Entry], digests: Sequence[str]) -> list[Entry]:
    """The entries, those of the lowest digests of each class as test images: a fifth of them, rounded.

    Args:
        entries: that may be set apart.
        digests: of what each holds, in hexadecimal.

    >>> train = [Entry(str(n), n % 2, "train") for n in range(6)]
    >>> [entry.part for entry in held_out(train, ["c", "f", "a", "e", "b", "d"])]
    ['train', 'train', 'test', 'train', 'train', 'test']
    """
    classes: dict[int, list[str]] = defaultdict(list)
    for entry, digest in zip(entries, digests, strict=True):
        classes[entry.label].append(digest)
    chosen: dict[int, set[str]] = {}
    for label, found in classes.items():
        wanted = round(SHARE * len(found))
        chosen[label] = set(sorted(found)[:wanted])
        if chosen[label] == set(found):  # all are copies of one image
            chosen[label] = set()
    return [
        replace(entry, part=TEST) if digest in chosen[entry.label] else entry
        for entry, digest in zip(entries, digests, strict=True)
    ]
