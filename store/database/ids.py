"""Ids that sort by time: UUID version 7 (RFC 9562), with the clock's fraction in the next bits."""

import re
import secrets
import threading
from typing import Literal

Named = Literal["job", "predictor", "network", "study"]
"""What has an id."""

_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_LOWEST = "00000000-0000-7000-8000-000000000000"
_HIGHEST = "ffffffff-ffff-7fff-bfff-ffffffffffff"
SHORT = 18
"""Characters of a short id: time to the 4096th of a millisecond, which no two ids of one process share."""
SHORTEST = 4
"""Characters of the shortest beginning that stands for an id."""
_lock = threading.Lock()
_last = 0


def new_id(now: float) -> str:
    """A random id that is greater than every id this process made before.

    48 bits of Unix milliseconds, 12 bits of the millisecond's fraction (RFC 9562, method 3), 62 random bits.

    Args:
        now: Unix seconds by the database's clock, so that ids of many machines sort by one clock.

    >>> first, second = new_id(1.7e9), new_id(1.7e9)
    >>> is_id(first), first < second
    (True, True)
    """
    global _last
    with _lock:
        # Ticks of 1/4096 ms; the maximum keeps the order when the clock stands still or steps back.
        _last = max(_last + 1, int(now * 1000 * 4096))
        ticks = _last
    milliseconds, fraction = divmod(ticks, 4096)
    value = milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | secrets.randbits(62)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: str) -> bool:
    """Whether a text is written like an id; what is not need not be looked up.

    >>> is_id("../../etc/passwd")
    False
    """
    return _PATTERN.fullmatch(text) is not None


def short_id(text: str) -> str:
    """The beginning of an id, where a line has no room for all of it.

    >>> short_id("0199aaaa-0000-7000-8000-000000000000")
    '0199aaaa-0000-7000'
    """
    return text[:SHORT]


def span_of(beginning: str) -> tuple[str, str] | None:
    """The lowest and the highest id that begin so; None for what begins no id, or is too short to name one.

    >>> span_of("0199aaaa-00")
    ('0199aaaa-0000-7000-8000-000000000000', '0199aaaa-00ff-7fff-bfff-ffffffffffff')
    >>> span_of("0199") is None, span_of("019") is None, span_of("../../etc") is None
    (False, True, True)
    """
    if not SHORTEST <= len(beginning) <= len(_LOWEST):
        return None
    low, high = beginning + _LOWEST[len(beginning) :], beginning + _HIGHEST[len(beginning) :]
    return (low, high) if is_id(low) and is_id(high) else None
