"""How many event streams are open at once: of one client address, and in all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from service.http.problems import Problem


class StreamLimit:
    """Counts open streams and refuses what is beyond a limit; used from one event loop.

    Args:
        most: streams in all.
        most_per_client: streams of one client address.
        retry_after_seconds: what ``Retry-After`` says to a refused client.
    """

    def __init__(self, *, most: int, most_per_client: int, retry_after_seconds: int) -> None:
        self.most = most
        self.most_per_client = most_per_client
        self._retry_after = {"Retry-After": str(retry_after_seconds)}
        self._open: Counter[str] = Counter()

    @contextmanager
    def admit(self, client: str) -> Iterator[None]:
        """A place for one stream of a client (:func:`service.http.connections.client_of`), held in the block.

        Raises:
            Problem: 429 where this client has too many, 503 where there are too many in all.
        """
        if self._open[client] >= self.most_per_client:
            detail = f"{self.most_per_client} event streams of {client} are open, and no more are allowed"
            raise Problem(429, detail, kind="too-many-streams", headers=self._retry_after)
        if self._open.total() >= self.most:
            detail = f"{self.most} event streams are open, and no more are allowed"
            raise Problem(503, detail, kind="too-many-streams", headers=self._retry_after)
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]
