"""Bytes that many requests hold together: a fixed amount, of which one client has at most half."""

import threading

from starlette.types import Scope

from service.http.connections import client_of


class Full(Exception):
    """The amount is used up; retry when others have ended."""


class Budget:
    """An amount that is shared; may be used from several threads.

    Args:
        total: bytes in all.
        largest: bytes of the largest single request, which a client may always hold if they are there.
    """

    def __init__(self, total: int, *, largest: int = 0) -> None:
        self.total = total
        self.of_one = max(total // 2, min(largest, total))
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._all = 0

    @property
    def held(self) -> int:
        """Bytes that are held at this moment."""
        return self._all

    def take(self, client: str, count: int) -> None:
        """Holds so many bytes more for a client.

        Raises:
            Full: they are not there; nothing is held then.
        """
        with self._lock:
            mine = self._held.get(client, 0) + count
            if self._all + count > self.total or mine > self.of_one:
                raise Full
            self._held[client] = mine
            self._all += count

    def give_back(self, client: str, count: int) -> None:
        """Holds so many bytes less for a client."""
        with self._lock:
            self._all -= count
            left = self._held.get(client, 0) - count
            if left > 0:
                self._held[client] = left
            else:
                self._held.pop(client, None)


def client_in(scope: Scope) -> str:
    """Who counts as the client of a request."""
    client = scope.get("client")
    return client_of(str(client[0])) if client else ""
