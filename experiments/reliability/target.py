"""The target of an attack, and how it is addressed: plain sockets from a chosen loopback address.

An attack is a function ``attack(target, …) -> Answers``: it does its harm for a bounded time, lets go of
everything, and says what it got. It asserts nothing; the drill around it measures the service meanwhile.
"""

import http.client
import json
import socket
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

SECONDS = 30.0
"""How long an attacker waits for one answer."""


@dataclass(frozen=True, slots=True)
class Target:
    """A service and where its attacker stands.

    Args:
        url: of the service.
        source: the loopback address that connections come from; limits of one client hold for one address.
    """

    url: str
    source: str = "127.0.0.1"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)

    def connect(self, seconds: float = SECONDS) -> socket.socket:
        """A connection from :attr:`source`.

        Raises:
            OSError: it was refused, or nobody accepted it in time.
        """
        return socket.create_connection(self.address, timeout=seconds, source_address=(self.source, 0))


class Answers(Counter[str]):
    """How often the service answered what: a status, ``cut`` (closed or reset), ``silent`` (no answer)."""

    def note(self, status: int | str) -> None:
        """Counts one answer."""
        self[str(status)] += 1

    def errors(self) -> int:
        """Answers that must never be given: 500 and above, but for 503 and 507, which name a limit."""
        return sum(count for name, count in self.items() if name.startswith("5") and name not in LIMITS)


LIMITS = frozenset({"503", "507"})


def call(
    target: Target,
    method: str,
    path: str,
    body: bytes | object | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> tuple[int | str, Any]:
    """One request on a connection of its own.

    Args:
        body: bytes as they are; anything else as JSON.

    Returns:
        The status, or ``cut`` or ``silent``; and the answer's JSON, or its text.
    """
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if content is not None else {}
    connection = http.client.HTTPConnection(
        *target.address, timeout=seconds, source_address=(target.source, 0)
    )
    try:
        # Refused before all of it was sent: the answer may still be there.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, content, {**sent, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
    except TimeoutError:
        return "silent", ""
    except (OSError, http.client.HTTPException):
        return "cut", ""
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text.decode(errors="replace")
