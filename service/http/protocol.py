"""uvicorn's HTTP protocol with limits on what a client may send, and how long it may take.

uvicorn (0.54) with httptools bounds neither the bytes of a head nor the time until it is complete, counts no
connections, and waits for ever for a client that does not read. docs/decisions/0029 compares it with others.
"""

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from service.http.connections import Connections
from service.http.problems import Problem, problem_response
from service.http.security_headers import SECURITY_HEADERS

MOST_PIPELINED = 8
"""Requests that a client may send ahead of answers; beyond that its connection is ended."""

NOT_SENT_BYTES = 128 * 1024
"""What the system keeps of an answer that the client has no room for yet."""

_AT_ONCE = struct.pack("ii", 1, 0)


class LimitedProtocol(HttpToolsProtocol):
    """One connection. See :class:`service.http.connections.ConnectionLimits` for what is limited.

    Three states follow from what the client has sent: between requests or in a head, in a body, or complete.
    :meth:`check`, called every second, ends a connection that stays in one of them for too long.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        guard: Connections,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.guard = guard
        self.limits = guard.limits
        self.address = ""
        self._head_since: float | None = None
        self._head_begun = False
        self._body_since: float | None = None
        self._head_bytes = 0
        self._unseen_bytes = 0
        """Bytes since the parser last reported progress: of a head, of trailers, of one endless header."""
        self._too_much: Problem | None = None
        self._ends_at: float | None = None
        self._unread: tuple[float, int] | None = None

    # What asyncio calls.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._transport = transport
        status = self.guard.admit(self)
        if status is not None:
            self.transport = transport
            transport.write(_answer(_REFUSALS[status]))
            transport.close()
            return
        kernel = transport.get_extra_info("socket")
        if kernel is not None and hasattr(socket, "TCP_NOTSENT_LOWAT") and kernel.family != socket.AF_UNIX:
            # The system holds megabytes for a slow reader otherwise, and we see none of it.
            kernel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT_BYTES)
        super().connection_made(cast("asyncio.Transport", _Lingering(transport, self)))
        self._head_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.leave(self)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ends_at is not None:
            return  # answered and half closed: what still comes is thrown away
        self._unseen_bytes += len(data)
        super().data_received(data)
        if self._head_since is None and self._rests():
            self._head_since = self.loop.time()  # not even a request line yet, but no keep-alive either
        if self._unseen_bytes > self.limits.head_bytes and self._ends_at is None:
            self._refuse(self._head_too_long())

    def pause_writing(self) -> None:
        super().pause_writing()
        self.guard.stalls(self, self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread = None
        self.guard.reads(self)

    # What the parser calls. An exception here ends the parsing, and comes back as send_400_response.
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._head_begun = 0, True
        if self._head_since is None:
            self._head_since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._body_since is not None:
            return  # a trailer: no part of the request's headers, and counted as unseen
        self._count_head(len(name) + len(value) + 4)
        if len(self.headers) >= self.limits.headers:
            self._too_much = _too_large(f"the request has more than {self.limits.headers} headers")
            raise ValueError(self._too_much.detail)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError("too many requests ahead of their answers")
        self._head_since, self._head_begun, self._body_since = None, False, self.loop.time()
        self._unseen_bytes = 0
        self.guard.works(self)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unseen_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._body_since = None
        self._unseen_bytes = 0
        super().on_message_complete()
        self._rest()

    # What uvicorn calls.
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._rest()

    def send_400_response(self, msg: str) -> None:
        problem, self._too_much = self._too_much, None
        self._refuse(problem or Problem(400, "this is no HTTP request that can be read"))

    def shutdown(self) -> None:
        if self._rests() or self._ends_at is not None:
            self.abort()
        else:
            super().shutdown()

    # What the guard calls.
    def check(self, now: float) -> None:
        """Ends the connection where the client's time is up."""
        if self._ends_at is not None:
            if now > self._ends_at and not self._unread:
                self.abort()
        elif self._head_since is not None and now - self._head_since > self.limits.head_seconds:
            self._head_too_slow()
        elif self._body_since is not None and now - self._body_since > self.limits.request_seconds:
            self._body_too_slow()
        self._check_reading(now)

    def abort(self) -> None:
        """Ends the connection at once; what was not sent is dropped."""
        self._ends_at = self.loop.time()
        self.guard.leave(self)
        kernel = self._transport.get_extra_info("socket")
        if kernel is not None and self._transport.get_write_buffer_size():
            # The system would go on offering what it still has to a client that does not read.
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._transport.abort()

    def finish(self) -> None:
        """Closes the connection in place of the transport's ``close``.

        A client that still sends would be reset by a plain close, and might never read its answer. It reads
        the end of the answer instead, and what it sends until its time is up is thrown away.
        """
        if self._ends_at is not None:
            return
        now = self.loop.time()
        began = self._body_since if self._body_since is not None else self._head_since
        self._ends_at = now + self.limits.linger_seconds
        if began is None or self.guard.draining or self._transport.is_closing():
            self._transport.close()
        else:
            if self._body_since is not None:
                self._ends_at = max(self._ends_at, began + self.limits.request_seconds)
            self._transport.write_eof()
            self.flow.resume_reading()

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _rests(self) -> bool:
        """Whether nothing is asked that is not answered."""
        return self._body_since is None and self._answered() and not self.pipeline

    def _rest(self) -> None:
        if self._rests():
            self.guard.waits(self)

    def _count_head(self, count: int) -> None:
        self._head_bytes += count
        if self._head_bytes > self.limits.head_bytes:
            self._too_much = self._head_too_long()
            raise ValueError(self._too_much.detail)

    def _head_too_long(self) -> Problem:
        return _too_large(f"request line and headers have more than {self.limits.head_bytes:,} bytes")

    def _head_too_slow(self) -> None:
        if not self._head_begun:
            self.abort()  # it never asked for anything: a browser that opened it ahead expects no answer
        else:
            detail = f"the headers were not complete within {self.limits.head_seconds:g} s"
            self._refuse(Problem(408, detail))

    def _body_too_slow(self) -> None:
        if self._answered():
            self.abort()

    def _refuse(self, problem: Problem) -> None:
        """Answers and ends the connection; in the middle of another answer only the latter."""
        if self._answered():
            self._transport.write(_answer(problem))
            self.finish()
        else:
            self.abort()

    def _check_reading(self, now: float) -> None:
        unread = self._transport.get_write_buffer_size()
        if unread == 0:
            self._unread = None
        elif self._unread is None:
            self._unread = (now, unread)
        elif now - self._unread[0] >= self.limits.unread_seconds:
            due = (now - self._unread[0]) * self.limits.unread_bytes_per_second
            if self._unread[1] - unread < min(due, self._unread[1]):
                self.abort()
            else:
                self._unread = (now, unread)


class _Lingering:
    """A transport whose ``close`` lets the client read its answer first."""

    def __init__(self, transport: asyncio.Transport, connection: LimitedProtocol) -> None:
        self.close = connection.finish
        self.abort = connection.abort
        self.write = transport.write
        self.is_closing = lambda: connection._ends_at is not None or transport.is_closing()
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading


def _too_large(detail: str) -> Problem:
    return Problem(431, detail)


def _answer(problem: Problem) -> bytes:
    """A problem document as the bytes of an HTTP answer that ends the connection."""
    response = problem_response(problem)
    lines = [f"HTTP/1.1 {problem.status_code} {HTTPStatus(problem.status_code).phrase}".encode()]
    lines += [name + b": " + value for name, value in [*response.raw_headers, *SECURITY_HEADERS]]
    return b"\r\n".join([*lines, b"connection: close", b"", bytes(response.body)])


_BUSY = {"Retry-After": "2"}
_REFUSALS = {
    429: Problem(429, "this address has too many connections open", headers=_BUSY),
    503: Problem(503, "too many connections are open", kind="busy", headers=_BUSY),
}
