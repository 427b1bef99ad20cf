"""A kind of features that need no training, and how a new one becomes known.

Notation: b architectures, v variables, n nodes, k operations, f features (as in :mod:`spaces.space`).
"""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from spaces.space import Codes, Space

Features = NDArray[np.float32]

COUNT_LIMIT = 255
"""Counts end here, so that a table of them needs one byte each."""


class FeatureKind(ABC):
    """A family of features that any space has.

    A new kind is one file in this package: subclass and decorate with :func:`register`.
    """

    name: str
    counts: bool = False
    """Whether the values are whole numbers 0..255 that depend on the codes alone; these may be tabled."""
    tabled: bool = False
    """Whether other values, too, depend on the codes alone and cost enough to be worth a table."""
    of_network: bool = False
    """Whether the values say nothing of how a network is trained: a space with recipes is asked as its
    :attr:`spaces.space.Space.network_space` then."""

    @abstractmethod
    def names(self, space: Space) -> tuple[str, ...]:
        """One name a feature, (f,)."""

    @abstractmethod
    def values(self, space: Space, codes: Codes, task: str | None) -> Features:
        """Features (b, f) of canonical codes (b, v)."""


KINDS: dict[str, FeatureKind] = {}


def register(cls: type[FeatureKind]) -> type[FeatureKind]:
    """Class decorator: makes a kind known by its name."""
    KINDS[cls.name] = cls()
    return cls


def inner_operations(space: Space) -> tuple[str, ...]:
    """The operations that an architecture chooses: the vocabulary without the graph's ends."""
    return tuple(operation for operation in space.operations if operation not in ("input", "output"))


def shared_operations(space: Space) -> tuple[str, ...]:
    """Inner operations that more than one node may hold; how often another occurs, one-hot says already."""
    holders = np.zeros(len(space.operations), dtype=np.int64)
    for slot in space.slots:
        if slot.source is None:
            holders[space.slot_operations(slot)] += 1
    return tuple(name for name in inner_operations(space) if holders[space.operations.index(name)] > 1)
