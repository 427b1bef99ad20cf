"""How many connections the API holds, for whom, and which of them makes room when there are too many.

A connection *waits* while it is the client's turn: nothing was asked yet, a head is half sent, or the last
answer is read. Where the most are open, the one that has waited longest is ended for the newcomer, as nginx
does; only where none waits is the newcomer refused. Many idle connections thus keep nobody out. What clients
have not read yet is counted too: beyond a limit, whoever has not read for longest is ended.
"""

import ipaddress
import logging
import resource
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

_log = logging.getLogger(__name__)

LOG_SECONDS = 10.0
"""At most one line about refused and ended connections in this time."""
DESCRIPTORS_A_CONNECTION = 3
"""Of each three descriptors one may be a connection: files, the database and children need the others."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection and all of them may take.

    Args:
        connections: open at once; fewer where the process may not have so many descriptors.
        connections_per_client: open at once from one address (IPv6: one /64).
        head_bytes: request line and headers of one request; beyond it 431.
        headers: header lines of one request; beyond it 431.
        head_seconds: from the first byte of a request, or from the start of a connection, until its headers
            are complete; else 408.
        keep_alive_seconds: how long an answered connection waits for the next request.
        request_seconds: from complete headers until the body is complete, even if it was answered before.
        linger_seconds: how long at least a client may still send after an answer that ends its connection.
        unread_seconds: a client must read at ``unread_bytes_per_second`` over each such time.
        unread_bytes_per_second: the slowest reading.
        unread_bytes: what all clients together may leave unread in this process.
    """

    connections: int = 4096
    connections_per_client: int = 512
    head_bytes: int = 32 * 1024
    headers: int = 100
    head_seconds: float = 10.0
    keep_alive_seconds: float = 20.0
    request_seconds: float = 30.0
    linger_seconds: float = 2.0
    unread_seconds: float = 20.0
    unread_bytes_per_second: int = 4096
    unread_bytes: int = 128 * 1024 * 1024


class Connection(Protocol):
    """One connection, as far as it is managed here."""

    address: str

    def check(self, now: float) -> None:
        """Ends itself where its time is up."""

    def abort(self) -> None:
        """Ends itself at once."""


@dataclass(slots=True)
class _Client:
    """The connections of one address."""

    count: int = 0
    waiting: OrderedDict[Connection, None] = field(default_factory=OrderedDict)


class Connections:
    """The connections of one server; used in its event loop alone.

    Args:
        limits: how many there may be.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.most = min(limits.connections, max(_descriptors() // DESCRIPTORS_A_CONNECTION, 16))
        self.draining = False
        """True once the server ends: nobody may take his time then."""
        self._open: dict[Connection, _Client] = {}
        self._clients: dict[str, _Client] = {}
        self._waiting: OrderedDict[Connection, None] = OrderedDict()
        self._unread: OrderedDict[Connection, int] = OrderedDict()
        self._unread_bytes = 0
        self._refused, self._ended = 0, 0
        self._logged = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def all(self) -> list[Connection]:
        """All that are open."""
        return list(self._open)

    def admit(self, connection: Connection) -> int | None:
        """Counts a new connection, which waits; or says by which status it is refused (429, 503)."""
        key = client_of(connection.address)
        mine = self._clients.get(key)
        of_one = self.limits.connections_per_client
        if mine is not None and mine.count >= of_one and not self._make_room(mine.waiting):
            self._refused += 1
            return 429
        if len(self._open) >= self.most and not self._make_room(self._waiting):
            self._refused += 1
            return 503
        client = self._clients.setdefault(key, _Client())
        self._open[connection] = client
        client.count += 1
        self.waits(connection)
        return None

    def leave(self, connection: Connection) -> None:
        """A connection has ended, or is about to; may be called twice."""
        client = self._open.pop(connection, None)
        if client is None:
            return
        self._waiting.pop(connection, None)
        client.waiting.pop(connection, None)
        self.reads(connection)
        client.count -= 1
        if client.count == 0:
            del self._clients[client_of(connection.address)]

    def waits(self, connection: Connection) -> None:
        """It is the client's turn from now on."""
        if connection in self._open and connection not in self._waiting:
            self._waiting[connection] = None
            self._open[connection].waiting[connection] = None

    def works(self, connection: Connection) -> None:
        """A request came: the connection is not ended for another one until it waits again."""
        if connection in self._waiting:
            del self._waiting[connection]
            del self._open[connection].waiting[connection]

    def stalls(self, connection: Connection, unread: int) -> None:
        """The client does not read as fast as it is answered: so many bytes of it are held here."""
        if connection not in self._open:
            return
        self._unread_bytes += unread - self._unread.get(connection, 0)
        self._unread[connection] = unread
        while self._unread_bytes > self.limits.unread_bytes and len(self._unread) > 1:
            self._end(next(iter(self._unread)))

    def reads(self, connection: Connection) -> None:
        """The client has caught up."""
        self._unread_bytes -= self._unread.pop(connection, 0)

    def sweep(self, now: float) -> None:
        """Ends the connections whose time is up, and says what was refused; to be called every second."""
        for connection in self.all():
            connection.check(now)
        if (self._refused or self._ended) and now - self._logged >= LOG_SECONDS:
            _log.warning(
                "%d connections are open (at most %d, of one client %d); %d refused, %d ended for others",
                len(self._open),
                self.most,
                self.limits.connections_per_client,
                self._refused,
                self._ended,
            )
            self._refused, self._ended, self._logged = 0, 0, now

    def _make_room(self, waiting: OrderedDict[Connection, None]) -> bool:
        if not waiting:
            return False
        self._end(next(iter(waiting)))
        return True

    def _end(self, connection: Connection) -> None:
        self._ended += 1
        self.leave(connection)
        connection.abort()


def client_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 one.

    >>> client_of("10.0.0.7"), client_of("::ffff:10.0.0.7"), client_of("2001:db8::1:2:3:4")
    ('10.0.0.7', '10.0.0.7', '2001:db8::/64')
    """
    if ":" not in address:
        return address
    try:
        known = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    mapped = known.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((known, 64), strict=False))


def raise_descriptors() -> None:
    """Lets this process have as many descriptors as the system allows it, up to 65,536."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 65_536 if soft == resource.RLIM_INFINITY else soft
