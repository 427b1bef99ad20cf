"""Limits repeated log lines, which clients can cause."""

import logging
import time

WINDOW_SECONDS = 60.0
MOST_IN_A_WINDOW = 20
MOST_KNOWN = 256
"""Different lines that are counted at once; their texts are the code's, not the clients'."""

CLIENT_LOGGERS = ("uvicorn.error", "asyncio", "service.http.problems", "service.children.child_process")
"""Loggers to which a client can have lines written."""


class Repeated(logging.Filter):
    """Lets a line pass a few times a minute, and then says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        key, now = (record.name, str(record.msg)[:200]), time.monotonic()
        began, count = self._seen.get(key, (now, 0))
        left_out = max(count - MOST_IN_A_WINDOW, 0)
        if now - began >= WINDOW_SECONDS:
            began, count = now, 0
            if left_out:
                record.msg = f"{record.msg} ({left_out:,} more in the minute before)"
        if key not in self._seen and len(self._seen) >= MOST_KNOWN:
            self._seen.clear()
        self._seen[key] = (began, count + 1)
        return count < MOST_IN_A_WINDOW


def keep_logs_small() -> None:
    """Adds the filter to the loggers of :data:`CLIENT_LOGGERS`, once."""
    for name in CLIENT_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, Repeated) for each in logger.filters):
            logger.addFilter(Repeated())
