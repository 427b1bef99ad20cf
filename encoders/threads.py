"""A fixed number of torch's threads: the same seed gives the same bits however a process is set up."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

THREADS = 1
"""Matrix products of another number of threads add up in another order; small ones are no faster for it."""


@contextmanager
def fixed_threads() -> Iterator[None]:
    """Runs its body with ``THREADS`` intra-op threads; also a decorator."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
