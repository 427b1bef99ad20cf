"""Ids that sort by time: UUID version 7 (RFC 9562), with the clock's fraction in the next bits."""

import re
import secrets
import threading

_PATTERN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
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
