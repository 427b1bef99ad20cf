"""Memory that was needed for a while goes back to the system."""

import ctypes

_libc = ctypes.CDLL(None)


def give_back_memory() -> None:
    """Returns what the C library keeps of freed memory; does nothing where it is not glibc.

    Bodies and uploads pass through many threads, and glibc keeps what each has freed: after a burst, tens of
    megabytes that nobody uses. Takes milliseconds, without the interpreter's lock.
    """
    trim = getattr(_libc, "malloc_trim", None)
    if trim is not None:
        trim(0)
