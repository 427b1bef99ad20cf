"""Counts the parts of a JSON text before anything is built from it.

A parser builds what a text says before anyone can refuse it: 16 MB of ``[],[],…`` are 5 million lists.
Counting signs outside strings takes a few nanoseconds a byte, in NumPy, without Python's lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 2**20
_QUOTE, _OPEN_LIST, _OPEN_OBJECT, _CLOSE, _COMMA, _COLON = range(1, 7)
_KIND = np.zeros(256, dtype=np.uint8)
for _sign, _kind in zip(
    b'"[{]},:', (_QUOTE, _OPEN_LIST, _OPEN_OBJECT, _CLOSE, _CLOSE, _COMMA, _COLON), strict=True
):
    _KIND[_sign] = _kind
_STEP = np.array([0, 0, 1, 1, -1, 0, 0], dtype=np.int8)


class TooMuch(ValueError):
    """A text is made of more than is allowed; the message says of what."""


class TooLarge(TooMuch):
    """It would be allowed in parts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text may be made of at most.

    Args:
        depth: lists and objects in each other.
        lists: in all.
        objects: in all.
        entries: entries of all lists together.
        names: names of one object.
        members: names of all objects together.
        string_bytes: of one string, as it is written; not asked of texts of few signs and no escapes.
    """

    depth: int
    lists: int
    objects: int
    entries: int
    names: int
    members: int
    string_bytes: int


def check_structure(text: bytes, limits: Limits) -> None:
    """Refuses a text that is made of too much; says nothing of whether it is JSON.

    What a parser reads before it meets the first fault of a text is counted as it would be in a sound one.

    Raises:
        TooMuch: it passes one of the limits.
    """
    if _is_small(text, limits):
        return
    signs, levels = _signs(text, limits)
    # Sorted by level, the signs of each list or object stand together.
    signs = signs[np.argsort(levels, kind="stable")]
    starts = np.flatnonzero((signs == _OPEN_LIST) | (signs == _OPEN_OBJECT))
    if not len(starts):
        return
    if np.add.reduceat((signs == _COLON).astype(np.int32), starts).max() > limits.names:
        raise TooMuch(f"has an object of more than {limits.names:,} names")
    commas = np.add.reduceat((signs == _COMMA).astype(np.int32), starts)
    if commas[signs[starts] == _OPEN_LIST].sum() > limits.entries:
        raise TooLarge(f"has more than {limits.entries:,} entries of lists")


def _is_small(text: bytes, limits: Limits) -> bool:
    """Whether a text has too few bytes and signs to pass any limit; most have."""
    return (
        (len(text) <= limits.string_bytes or b"\\" not in text)
        and text.count(b"[") + text.count(b"{") <= min(limits.depth, limits.lists, limits.objects)
        and text.count(b":") <= min(limits.names, limits.members)
        and text.count(b",") <= limits.entries
    )


def _signs(text: bytes, limits: Limits) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Kinds of all signs outside strings in order (n,), and the level of the list or object of each (n,)."""
    found: list[NDArray[np.uint8]] = [np.empty(0, dtype=np.uint8)]
    levels: list[NDArray[np.int8]] = [np.empty(0, dtype=np.int8)]
    counts = np.zeros(len(_STEP), dtype=np.int64)
    scan = _Strings(limits.string_bytes)
    depth = 0
    for kinds in scan.outside(text):
        step = _STEP[kinds]
        depths = depth + np.cumsum(step, dtype=np.int32)
        if depths.max(initial=0) > limits.depth:
            raise TooMuch(f"is nested too deeply: {limits.depth} levels at most")
        depth = int(depths[-1]) if len(depths) else depth
        counts += np.bincount(kinds, minlength=len(counts))
        _check_counts(counts, limits)
        found.append(kinds)
        levels.append(np.clip(depths + (step < 0), 0, limits.depth).astype(np.int8))
    return np.concatenate(found), np.concatenate(levels)


def _check_counts(counts: NDArray[np.int64], limits: Limits) -> None:
    """Bounds what is kept of a text, sound or not, while it is looked at."""
    for what, kind, allowed in (
        ("lists", _OPEN_LIST, limits.lists),
        ("objects", _OPEN_OBJECT, limits.objects),
        ("closed lists and objects", _CLOSE, limits.lists + limits.objects),
        ("names", _COLON, limits.members),
        ("values", _COMMA, limits.entries + limits.members),
    ):
        if counts[kind] > allowed:
            raise TooLarge(f"has more than {allowed:,} {what}")


class _Strings:
    """Tells the signs outside strings from those inside, a chunk at a time.

    Args:
        most: bytes of one string.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = False
        self._last = 0
        """Place of the last quote."""

    def outside(self, text: bytes) -> Iterator[NDArray[np.uint8]]:
        """Kinds (n,) of the signs outside strings of each chunk.

        Raises:
            TooMuch: a string is too long.
        """
        start = 0
        while start < len(text):
            piece = text[start : start + _CHUNK]
            if (len(piece) - len(piece.rstrip(b"\\"))) % 2:  # the next byte is escaped
                piece = text[start : start + _CHUNK + 1]
            yield self._chunk(piece, start)
            start += len(piece)

    def _chunk(self, piece: bytes, start: int) -> NDArray[np.uint8]:
        if b"\\" in piece:
            piece = piece.replace(b"\\\\", b"  ").replace(b'\\"', b"  ")
        kinds = _KIND[np.frombuffer(piece, dtype=np.uint8)]
        places = np.flatnonzero(kinds)
        kinds = kinds[places]
        quotes = kinds == _QUOTE
        outside = (np.cumsum(quotes) + self._inside) % 2 == 0
        ends = start + places[quotes]
        lengths = np.diff(ends, prepend=self._last)[not self._inside :: 2]
        self._last = int(ends[-1]) if len(ends) else self._last
        self._inside ^= bool(len(ends) % 2)
        unfinished = start + len(piece) - self._last if self._inside else 0
        if max(int(lengths.max(initial=0)), unfinished) > self._most:
            raise TooLarge(f"has a string of more than {self._most:,} bytes")
        found: NDArray[np.uint8] = kinds[outside & ~quotes]
        return found
