"""Clients that open many connections, send endless or slow heads, or do not read, over plain sockets."""

import json
import logging
import socket
import time

import pytest

from service.http.connections import ConnectionLimits, Connections

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /v1/designs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
TIMEOUT_SECONDS = 60
"""Seconds after which a server hangs that is not just slow."""


def limited(serve, **limits):
    return serve(connections=ConnectionLimits(**limits))


def until_closed(connection: socket.socket) -> bytes:
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionError:
        pass
    return data


def is_problem(answer: bytes, status: int) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return (
        head.startswith(b"HTTP/1.1 %d " % status)
        and b"content-type: application/problem+json" in head
        and b"x-content-type-options: nosniff" in head
        and json.loads(body)["status"] == status
    )


def one_answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data or b'"}' not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data


def wait_for(condition) -> bool:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def flood(connection: socket.socket, start: bytes, again: bytes, most: int) -> bytes:
    """Sends until the server answers or closes; what it answered."""
    connection.sendall(start)
    connection.setblocking(False)
    sent, answer, deadline = 0, b"", time.monotonic() + TIMEOUT_SECONDS
    while sent < most and time.monotonic() < deadline:
        try:
            answer += connection.recv(65536)
            if answer:
                break
        except BlockingIOError:
            pass
        except ConnectionError:
            break
        try:
            sent += connection.send(again)
        except BlockingIOError:
            time.sleep(0.001)
        except ConnectionError:
            break
    assert sent < most, "all of it was taken"
    return answer


MANY = 20_000_000


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 5000),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nx: ", b"y" * 65536),
        (b"GET /", b"x" * 65536),
        (b"", b"\r\n" * 32768),
    ],
    ids=["many headers", "one endless header", "endless path", "empty lines"],
)
def test_an_endless_head_is_refused(server, start, again):
    with server.socket() as connection:
        answer = flood(connection, start, again, MANY)
    assert is_problem(answer, 431), answer


def test_endless_trailers_are_refused(server):
    """They come after the answer of a route that reads no body, when nobody looks at the request any more."""
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    with server.socket() as connection:
        connection.sendall(head)
        assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
        assert is_problem(flood(connection, b"x: ", b"y" * 65536, MANY), 431)


def test_the_largest_head_is_taken(serve):
    limits = ConnectionLimits(head_bytes=2000, headers=20)
    server = limited(serve, head_bytes=2000, headers=20)
    fill = b"x: %s\r\n" % (b"y" * 1900)
    for lines, status in ((fill, 200), (fill * 2, 431), (b"a: b\r\n" * 19, 200), (b"a: b\r\n" * 20, 431)):
        with server.socket() as connection:
            connection.sendall(GET[:-2] + lines + b"\r\n")
            assert one_answer(connection).startswith(b"HTTP/1.1 %d " % status), (lines, limits)


@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "a byte at a time"])
@pytest.mark.parametrize("first", [GET[:12], GET + GET[:12]], ids=["first request", "second request"])
def test_a_half_sent_head_is_cut(serve, first, drip):
    server = limited(serve, head_seconds=1.0)
    with server.socket() as connection:
        connection.sendall(first)
        connection.settimeout(0.1)
        data, deadline = b"", time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            try:
                part = connection.recv(65536)
                if not part:
                    break
                data += part
            except TimeoutError:
                if drip:
                    connection.sendall(drip)
            except ConnectionError:
                break
    assert is_problem(data[data.rindex(b"HTTP/1.1") :], 408)
    assert (b"HTTP/1.1 200" in data) == (len(first) > len(GET))


def test_connections_without_a_request_are_closed(serve):
    server = limited(serve, head_seconds=1.0, keep_alive_seconds=1.0)
    with server.socket() as silent, server.socket() as answered, server.socket() as dripping:
        answered.sendall(GET)
        dripping.sendall(GET + b"\r\n")
        assert until_closed(silent) == b""
        assert until_closed(answered).startswith(b"HTTP/1.1 200 ")
        assert until_closed(dripping).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_goes_on_after_its_answer_is_cut(serve):
    server = limited(serve, request_seconds=1.0)
    with server.socket() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
        assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
        deadline = time.monotonic() + TIMEOUT_SECONDS
        with pytest.raises(ConnectionError):
            while time.monotonic() < deadline:
                connection.sendall(b"x")
                time.sleep(0.05)


def test_idle_connections_make_room_for_new_ones(serve):
    """The ones that wait longest are ended; a client that asks is always served."""
    server = limited(serve, connections_per_client=20)
    with server.socket() as busy:
        idle = [server.socket() for _ in range(60)]
        busy.sendall(GET)
        assert until_closed(idle[0]) == b""
        with server.socket() as honest:
            honest.sendall(GET)
            assert one_answer(honest).startswith(b"HTTP/1.1 200 ")
        assert len(server.server.connections) <= 20
        for connection in idle:
            connection.close()


@pytest.mark.parametrize(
    ("limits", "status"), [({"connections_per_client": 5}, 429), ({"connections": 5}, 503)], ids=str
)
def test_where_all_connections_work_new_ones_are_refused(serve, limits, status):
    server = limited(serve, **limits)
    body = POST + b"Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    working = [server.socket() for _ in range(5)]
    for connection in working:
        connection.sendall(body)
    guard = server.server.connections
    assert wait_for(lambda: len(guard) == 5 and not guard._waiting)
    with server.socket() as refused:
        answer = until_closed(refused)
    assert is_problem(answer, status) and b"retry-after: " in answer.lower()
    for connection in working:
        connection.close()


def test_a_flood_of_refused_connections_writes_one_line(serve, caplog):
    server = limited(serve, connections_per_client=5)
    with caplog.at_level(logging.WARNING):
        for _ in range(300):
            server.socket().close()
        time.sleep(1.5)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) <= 2 and all("connections are open" in line for line in lines), lines


def test_bad_requests_do_not_flood_the_log(server, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            with server.socket() as connection:
                connection.sendall(b"\0\r\n\r\n")
                assert is_problem(until_closed(connection), 400)
    assert len(caplog.records) <= 25


def test_pipelined_requests_are_answered_in_order_and_not_hoarded(server):
    with server.socket() as connection:
        connection.sendall(GET * 4)
        data, deadline = b"", time.monotonic() + TIMEOUT_SECONDS
        while data.count(b"HTTP/1.1 200") < 4 and time.monotonic() < deadline:
            data += connection.recv(65536)
    assert data.count(b"HTTP/1.1 200") == 4
    with server.socket() as connection:
        connection.sendall(GET * 10_000)
        assert until_closed(connection).count(b"HTTP/1.1 200") < 20


ASK = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def deaf(server) -> socket.socket:
    """A client that asks for more than the system buffers, and reads nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
    connection.settimeout(TIMEOUT_SECONDS)
    connection.sendall(ASK)
    return connection


@pytest.fixture
def large(serve, monkeypatch):
    """Starts a server with an answer of 8 MB."""

    def start(**limits):
        server = limited(serve, **limits)
        server.app.openapi_schema = {"x": "y" * 8_000_000}
        return server

    return start


def test_a_client_that_does_not_read_is_cut(large):
    server = large(unread_seconds=1.0)
    with deaf(server):
        assert wait_for(lambda: server.server.connections._unread_bytes > 1_000_000)
        assert wait_for(lambda: len(server.server.connections) == 0)
    assert server.server.connections._unread_bytes == 0


def test_a_slow_reader_is_served(large):
    server = large(unread_seconds=0.5)
    with deaf(server) as connection:
        got, deadline = 0, time.monotonic() + TIMEOUT_SECONDS
        while got < 8_000_000 and time.monotonic() < deadline:
            part = connection.recv(200_000)
            assert part, got
            got += len(part)
            time.sleep(0.001)
    assert got >= 8_000_000


def test_what_many_clients_do_not_read_is_bounded(large):
    server = large(unread_bytes=20_000_000)
    connections = [deaf(server) for _ in range(10)]
    guard = server.server.connections
    assert wait_for(lambda: len(guard) <= 4)
    assert guard._unread_bytes <= 20_000_000
    assert server.http.get("/healthz").status_code == 200
    for connection in connections:
        connection.close()


def test_an_answer_to_a_client_that_still_sends_is_read(server):
    """It asked for the connection to be closed: closing at once would reset it and lose the answer."""
    size = 40_000_000
    with server.socket() as connection:
        connection.sendall(
            POST + b"Connection: close\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % size
        )
        for _ in range(0, size, 200_000):
            connection.sendall(b" " * 200_000)
        assert is_problem(until_closed(connection), 413)


def test_the_limits_of_a_small_machine_follow_its_descriptors(monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    assert Connections(ConnectionLimits()).most == 341
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert Connections(ConnectionLimits()).most == ConnectionLimits().connections


def test_stopping_does_not_wait_for_clients(large):
    server = large()
    half, silent, unread = server.socket(), server.socket(), deaf(server)
    half.sendall(GET[:20])
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 30
    for connection in (half, silent, unread):
        connection.close()
