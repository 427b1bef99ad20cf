"""Heavy work in a few threads with a short queue: too much is refused at once instead of piling up."""

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

from service.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")


class Bounded:
    """Runs plain functions in at most ``threads`` threads, while at most ``waiting`` others wait.

    Args:
        threads: functions that run at the same time.
        waiting: functions that may wait for a thread.
        retry_after_seconds: what a refused client is told.
    """

    def __init__(self, *, threads: int, waiting: int, retry_after_seconds: int) -> None:
        self._limiter = anyio.CapacityLimiter(threads)
        self._admitted = 0
        self._most = threads + waiting
        self._retry_after = str(retry_after_seconds)

    @property
    def others(self) -> int:
        """Functions that run or wait besides the one that asks."""
        return max(self._admitted - 1, 0)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's value, computed in a thread.

        Raises:
            Problem: 503 with Retry-After where too many already wait.
        """
        if self._admitted >= self._most:
            raise Problem(
                503,
                "too many calls are waiting",
                kind="busy",
                headers={"Retry-After": self._retry_after},
            )
        self._admitted += 1
        try:
            return await anyio.to_thread.run_sync(partial(function, *args, **kwargs), limiter=self._limiter)
        finally:
            self._admitted -= 1
