"""Ends a test whose code takes far more processor time than its input can be worth."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 5.0
"""A hundred times what the slowest of the tested takes; what grows with the square takes longer."""


@contextmanager
def processor_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raises TimeoutError in the block once the process has used this much processor time in it.

    Regular expressions look for signals while they match, so that they are cut as well.
    """

    def cut(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, cut)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
