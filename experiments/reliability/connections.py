"""Attacks below the routes: heads, connections, uploads and answers that clients hold, and foreign names."""

import select
import selectors
import socket
import time
from contextlib import ExitStack, suppress

from experiments.reliability.target import SECONDS, Answers, Target, call

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nattack\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
)
UPLOAD = (
    b"POST /v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    b"Content-Length: 64000000\r\n\r\n"
)
BODY = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
LONGEST = 90.0
"""Seconds for which a connection is watched; the limit for cutting it is 30."""


def header_flood(target: Target, megabytes: int = 400) -> Answers:
    """Four unfinished requests: one endless header, many headers, an endless path, endless trailers."""
    answers = Answers()
    trailers = GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\nx: "
    for start, unit in (
        (GET + b"x: ", b"y" * 65536),
        (GET, b"a: b\r\n" * 10_000),
        (b"GET /", b"x" * 65536),
        (trailers, b"y" * 65536),
    ):
        with target.connect() as connection:
            answers.note(_flood(connection, start, unit, megabytes * 10**6))
    return answers


def half_headers(
    target: Target, connections: int = 200, seconds: float = LONGEST, drip: bool = True
) -> Answers:
    """Requests whose heads never end, a byte now and then; ``cut_s_…`` counts by the seconds until cut."""
    with ExitStack() as kept:
        opened = [kept.enter_context(target.connect()) for _ in range(connections)]
        for connection in opened:
            connection.sendall(GET + b"x: ")
        return _until_cut(opened, seconds, b"y" if drip else b"")


def idle_connections(target: Target, connections: int = 1100, seconds: float = 20.0) -> Answers:
    """Connections that ask for nothing, kept open, and one client of the same address that asks meanwhile."""
    answers = Answers()
    until = time.monotonic() + seconds
    with ExitStack() as kept:
        opened = []
        for _ in range(connections):
            try:
                opened.append(kept.enter_context(target.connect(5.0)))
            except OSError:
                answers.note("refused")
        while time.monotonic() < until:
            answers.note(call(target, "GET", "/healthz", seconds=10.0)[0])
            time.sleep(0.05)
        answers["closed"] = sum(map(_is_closed, opened))
        answers["held"] = len(opened) - answers["closed"]
    return answers


def connection_storm(target: Target, seconds: float = 20.0) -> Answers:
    """Connections opened and left as fast as one client can."""
    answers = Answers()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            target.connect(5.0).close()
            answers.note("opened")
        except OSError:
            answers.note("refused")
    return answers


def unfinished_uploads(
    target: Target, uploads: int = 100, megabytes: int = 60, seconds: float = 15.0
) -> Answers:
    """Uploads that stop before their end, all open at once."""
    answers = Answers()
    with ExitStack() as kept:
        opened = [kept.enter_context(target.connect()) for _ in range(uploads)]
        unsent = {connection: megabytes for connection in opened}
        for connection in opened:
            connection.sendall(UPLOAD + FORM)
            connection.setblocking(False)
        _push(unsent, b"\0" * 10**6, seconds)
        for connection in opened:
            answers.note(_answer(connection, 0.2))
    return answers


def held_bodies(
    target: Target, connections: int = 100, megabytes: int = 15, seconds: float = 15.0
) -> Answers:
    """JSON bodies that stop just before their end: the service must keep what it has of each."""
    answers = Answers()
    with ExitStack() as kept:
        opened = [kept.enter_context(target.connect()) for _ in range(connections)]
        unsent = {connection: megabytes for connection in opened}
        for connection in opened:
            connection.sendall(BODY + b"Content-Length: %d\r\n\r\n" % (megabytes * 10**6 + 1))
            connection.setblocking(False)
        _push(unsent, b" " * 10**6, seconds)
        for connection in opened:
            answers.note(_answer(connection, 0.2))
    return answers


def deaf_clients(
    target: Target, connections: int = 1000, path: str = "/openapi.json", seconds: float = 40.0
) -> Answers:
    """Clients that ask for long answers and read none of them."""
    with ExitStack() as kept:
        opened = []
        for _ in range(connections):
            connection = kept.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.bind((target.source, 0))
            connection.settimeout(SECONDS)
            with suppress(OSError):
                connection.connect(target.address)
                connection.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % path.encode() * 8)
                opened.append(connection)
        time.sleep(seconds)
        answers = Answers()
        for connection in opened:
            answers.note("cut" if _is_reset(connection) else "held")
        return answers


def pipelined(target: Target, megabytes: int = 50) -> Answers:
    """Requests that nobody waits for, as many as fit."""
    answers = Answers()
    for _ in range(4):
        with target.connect() as connection:
            answers.note(_flood(connection, b"", (GET + b"\r\n") * 1000, megabytes * 10**6, answered=True))
    return answers


def foreign_names(target: Target) -> Answers:
    """What a page elsewhere could send: another ``Host`` (rebinding), another ``Origin``, another site."""
    answers = Answers()
    for headers in (
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        for method, path in (
            ("POST", "/v1/designs"),
            ("POST", "/v1/jobs/x/cancel"),
            ("DELETE", "/v1/spaces/x"),
        ):
            answers.note(call(target, method, path, b"{}", headers)[0])
    for path in ("/v1/jobs", "/metrics", "/openapi.json", "/docs"):
        answers.note(call(target, "GET", path, headers={"Host": "evil.example"})[0])
    return answers


def _flood(
    connection: socket.socket, start: bytes, unit: bytes, most: int, *, answered: bool = False
) -> int | str:
    """Sends until it is refused; the last answer. ``answered``: answers come meanwhile, and are read."""
    sent, last = 0, b""
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLOUT)
    try:
        connection.sendall(start)
        while sent < most:
            events = dict(poll.poll(1000 * SECONDS)).get(connection.fileno(), 0)
            if not events:
                return "silent"
            readable, writable = events & ~select.POLLOUT, events & select.POLLOUT
            if readable:
                part = connection.recv(65536)
                last = part or last
                if not part or (not answered and b"HTTP/1.1 200 " not in part):
                    break
            if writable:
                sent += connection.send(unit)
        else:
            return "taken"
    except OSError:
        pass
    return _status(last)


def _push(unsent: dict[socket.socket, int], unit: bytes, seconds: float) -> None:
    """Sends so many units on each connection, all at the same time, for a while."""
    until = time.monotonic() + seconds
    rest = dict.fromkeys(unsent, len(unit))
    with selectors.DefaultSelector() as selector:
        for connection in unsent:
            selector.register(connection, selectors.EVENT_WRITE)
        while selector.get_map() and time.monotonic() < until:
            for key, _ in selector.select(0.5):
                connection = key.fileobj  # type: ignore[assignment]
                try:
                    rest[connection] -= connection.send(unit[: rest[connection]])
                except OSError:
                    selector.unregister(connection)
                    continue
                if rest[connection] == 0:
                    rest[connection] = len(unit)
                    unsent[connection] -= 1
                    if unsent[connection] == 0:
                        selector.unregister(connection)
    time.sleep(max(0.0, until - time.monotonic()))


def _until_cut(opened: list[socket.socket], seconds: float, drip: bytes) -> Answers:
    answers, began = Answers(), time.monotonic()
    for connection in opened:
        connection.setblocking(False)
    while opened and time.monotonic() - began < seconds:
        time.sleep(0.5)
        for connection in list(opened):
            try:
                answer = connection.recv(65536)
            except BlockingIOError:
                with suppress(OSError):
                    connection.send(drip)
                continue
            except OSError:
                answer = b""
            answers.note(_status(answer))
            answers.note(f"cut_s_{round(time.monotonic() - began)}")
            opened.remove(connection)
    answers["held"] += len(opened)
    return answers


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(65536) == b"" or _is_closed(connection)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _is_reset(connection: socket.socket) -> bool:
    """Whether the service has given the connection up, although what it sent before was never read."""
    poll = select.poll()
    poll.register(connection, select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


def _answer(connection: socket.socket, seconds: float) -> int | str:
    connection.settimeout(seconds)
    try:
        return _status(connection.recv(65536))
    except TimeoutError:
        return "held"
    except OSError:
        return "cut"


def _status(answer: bytes) -> int | str:
    """The status of the last answer in what was read."""
    _, found, rest = answer.rpartition(b"HTTP/1.1 ")
    return int(rest[:3]) if found and rest[:3].isdigit() else "cut"
