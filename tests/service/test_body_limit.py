"""Bodies that are too long or too slow, sent over a plain socket, with and without a stated length."""

import socket
import time

import pytest

LIMIT = 200_000
HEAD = "POST /v1/designs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def running(serve):
    return serve(max_body_bytes=LIMIT, body_seconds=1.0)


def answer_of(connection: socket.socket) -> str:
    data = b""
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        data += part
    return data.decode()


def first_answer(connection: socket.socket) -> str:
    """One answer, on a connection that the server keeps open for a while."""
    data = b""
    while not data.endswith(b"}"):
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data.decode()


def is_problem(answer: str, status: int) -> bool:
    return answer.startswith(f"HTTP/1.1 {status} ") and "application/problem+json" in answer


def test_a_stated_length_over_the_limit_is_refused_before_anything_is_sent(running):
    with running.socket() as connection:
        connection.sendall(f"{HEAD}Content-Length: {10**12}\r\n\r\n".encode())
        answer = first_answer(connection)
    assert is_problem(answer, 413)
    assert f"{LIMIT:,} bytes" in answer


def test_an_endless_body_without_length_is_refused_at_the_limit(running):
    """The answer is there before the client has sent a megabyte more than the limit."""
    sent, answer = 0, b""
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    with running.socket() as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
        connection.setblocking(False)
        deadline = time.monotonic() + 10
        while not answer and time.monotonic() < deadline:
            try:
                sent += connection.send(chunk[: len(chunk)])
                time.sleep(0.001)
            except BlockingIOError:
                time.sleep(0.001)
            try:
                answer = connection.recv(65536)
            except BlockingIOError:
                continue
    assert is_problem(answer.decode(), 413)
    assert LIMIT < sent < LIMIT + 1_000_000


def test_a_client_that_sends_everything_first_still_reads_the_answer(running):
    body = b"[" + b" " * (20 * LIMIT) + b"]"
    response = running.http.post("/v1/designs", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 413

    def parts():
        for _ in range(20):
            yield b" " * LIMIT

    response = running.http.post("/v1/designs", content=parts(), headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert response.json()["status"] == 413


def test_a_client_that_reads_only_at_the_end_is_not_reset(running):
    """The server takes what still comes for a while; closing at once would lose the answer on the way."""
    size = 64_000_000
    with running.socket() as connection:
        connection.sendall(f"{HEAD}Content-Length: {size}\r\n\r\n".encode())
        connection.sendall(b" " * size)
        assert is_problem(first_answer(connection), 413)


def test_a_client_that_never_stops_is_cut(running):
    with running.socket() as connection:
        connection.sendall(f"{HEAD}Content-Length: {10**12}\r\n\r\n".encode())
        connection.settimeout(10)
        began = time.monotonic()
        assert is_problem(answer_of(connection), 413)  # returns when the server closes
        assert time.monotonic() - began < 8


@pytest.mark.parametrize("body_header", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_slow_body_is_cut(running, body_header):
    with running.socket() as connection:
        connection.sendall(f"{HEAD}{body_header}\r\n\r\n".encode())
        if "chunked" in body_header:
            connection.sendall(b"1\r\n{\r\n")
        connection.settimeout(10)
        answer = answer_of(connection)
    assert is_problem(answer, 408)


def test_a_drip_is_as_slow_as_silence(running):
    with running.socket() as connection:
        connection.sendall(f"{HEAD}Content-Length: 100\r\n\r\n".encode())
        connection.settimeout(0.1)
        answer = b""
        for _ in range(60):
            try:
                connection.sendall(b" ")
                answer += connection.recv(65536)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
            if answer:
                break
    assert is_problem(answer.decode(), 408)


def test_a_body_just_below_the_limit_is_read(running, design):
    import json

    body = json.dumps(design)
    padded = body[:-1] + " " * (LIMIT - len(body)) + "}"
    assert len(padded) == LIMIT
    headers = {"content-type": "application/json"}
    assert running.http.post("/v1/designs", content=padded, headers=headers).status_code == 202
    assert running.http.post("/v1/designs", content=padded + " ", headers=headers).status_code == 413
