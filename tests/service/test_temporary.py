"""Uploads while they arrive: what they hold is bounded, leaves nothing behind, and a full disk is said."""

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from api_server import problem

from service.http.budget import Budget, Full
from service.http.temporary import STALE_SECONDS, TemporaryFiles
from tests.servers import free_port, wait_for_port

TIMEOUT_SECONDS = 60
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\npets\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
)
HEAD = (
    b"POST /v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    b"Content-Length: 60000000\r\n\r\n"
)
MB = 1 << 20


def until(condition) -> bool:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def unfinished(port: int, size: int, source: str = "127.0.0.1") -> socket.socket:
    """An upload that stops after so many bytes of its file."""
    connection = socket.create_connection(
        ("127.0.0.1", port), timeout=TIMEOUT_SECONDS, source_address=(source, 0)
    )
    connection.sendall(HEAD + FORM + b"\0" * size)
    return connection


def port_of(server) -> int:
    return int(server.url.rpartition(":")[2])


def test_unfinished_uploads_hold_no_more_than_they_may(serve, tmp_path):
    server = serve(upload_dir=tmp_path / "held", max_uploads_bytes=8 * MB, max_upload_bytes=64 * MB)
    budget = server.app.state.service.temporary.budget
    # Two clients, of which each may have all of it, since one upload may be that long.
    uploads = [unfinished(port_of(server), 3 * MB, f"127.0.0.{1 + number % 2}") for number in range(2)]
    assert until(lambda: budget.held >= 6 * MB)
    with unfinished(port_of(server), 3 * MB) as refused:
        answer = refused.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"\r\nretry-after: 10\r\n" in answer.lower()
    assert budget.held <= 8 * MB
    assert list((tmp_path / "held").iterdir()) == []  # they have no names
    for connection in uploads:
        connection.close()
    assert until(lambda: budget.held == 0)


def test_one_client_leaves_half_to_others():
    budget = Budget(100)
    budget.take("a", 50)
    with pytest.raises(Full):
        budget.take("a", 1)
    budget.take("b", 50)
    with pytest.raises(Full):
        budget.take("c", 1)
    budget.give_back("a", 50)
    budget.take("c", 50)
    assert Budget(100, largest=80).of_one == 80 and Budget(100, largest=800).of_one == 100


def test_what_was_answered_holds_nothing(serve, tmp_path):
    server = serve(upload_dir=tmp_path)
    for body in (b"0" * 100_000, b""):
        answer = server.http.post("/v1/tasks", data={"name": "x"}, files={"file": body})
        problem(answer, 422, "file")
    broken = {"content-type": "multipart/form-data; boundary=B"}
    problem(server.http.post("/v1/tasks", content=FORM + b"0" * 100_000, headers=broken), 422, "file")
    problem(server.http.post("/v1/tasks", content=b"nonsense", headers=broken), 400)
    assert server.app.state.service.temporary.budget.held == 0


def test_bodies_in_memory_are_bounded_too(serve):
    server = serve(max_bodies_bytes=4 * MB)
    head = b"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: 16000000\r\n\r\n"
    with contextlib.ExitStack() as held:
        connections = []
        for number in range(3):
            address, source = ("127.0.0.1", port_of(server)), (f"127.0.0.{number + 1}", 0)
            connection = held.enter_context(
                socket.create_connection(address, TIMEOUT_SECONDS, source_address=source)
            )
            connection.sendall(head + b" " * (2 * MB - 100_000))
            connections.append(connection)
        # They are read side by side, so it may be any of the three that finds no room.
        (refused, *_), _, _ = select.select(connections, [], [], TIMEOUT_SECONDS)
        answered = refused.recv(65536)
    assert answered.startswith(b"HTTP/1.1 503 ") and b"retry-after" in answered.lower()
    assert until(lambda: server.http.post("/v1/predict", json={"x": "y" * MB}).status_code == 422)


@pytest.mark.parametrize("fails", ["open", "write"])
def test_a_full_disk_is_507(serve, tmp_path, monkeypatch, fails):
    server = serve(upload_dir=tmp_path)
    temporary = server.app.state.service.temporary
    made = temporary.open

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    class Full:
        def __init__(self):
            self.file = made()

        def __getattr__(self, name):
            return full if name == fails else getattr(self.file, name)

    monkeypatch.setattr(temporary, "open", full if fails == "open" else Full)
    answer = server.http.post("/v1/tasks", data={"name": "x"}, files={"file": b"0" * 5_000_000})
    assert problem(answer, 507)["type"] == "urn:netwright:problem:disk-full"
    assert temporary.budget.held == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_full_file_system_is_507_and_recovers(serve, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        server = serve(upload_dir=folder)
        for _ in range(2):
            answer = server.http.post("/v1/tasks", data={"name": "x"}, files={"file": b"0" * 8 * MB})
            problem(answer, 507)
            answer = server.http.post("/v1/tasks", data={"name": "x"}, files={"file": b"0" * MB})
            problem(answer, 422, "file")
        # A child that fills the disk: what it says of it is understood too.
        filler = unfinished(port_of(server), MB + MB // 2)
        assert until(lambda: os.statvfs(folder).f_bavail * 4096 < MB)
        classes = {"name": "y", "imagenet_classes": ["n02123045", "n02099601"]}
        assert server.http.post("/v1/tasks", json=classes).status_code in (201, 507)
        filler.close()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_folder_that_is_gone_is_made_again_and_one_that_cannot_be_is_503(serve, tmp_path):
    folder = tmp_path / "held"
    server = serve(upload_dir=folder)
    asked = {"data": {"name": "x"}, "files": {"file": b"0" * 100}}
    problem(server.http.post("/v1/tasks", **asked), 422, "file")
    folder.rmdir()
    problem(server.http.post("/v1/tasks", **asked), 422, "file")
    folder.rmdir()
    folder.write_text("a file")
    problem(server.http.post("/v1/tasks", **asked), 503)


def test_old_files_of_ours_are_removed_at_the_start(tmp_path):
    old, new, foreign = tmp_path / "netwright-a", tmp_path / "netwright-b", tmp_path / "mine"
    for path in (old, new, foreign):
        path.touch()
    for path in (old, foreign):
        os.utime(path, (0, time.time() - STALE_SECONDS - 1))
    TemporaryFiles(tmp_path, Budget(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "netwright-b"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_ends_leaves_no_upload_behind(tmp_path, how):
    """Ended while clients send, stall and do not read: at once by SIGKILL, within seconds by SIGTERM."""
    port, folder = free_port(), tmp_path / "uploads"
    environment = {**os.environ, "NETWRIGHT_DATA_DIR": str(tmp_path), "NETWRIGHT_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "netwright", "api"], env=environment)
    try:
        wait_for_port(port, TIMEOUT_SECONDS)
        clients = [unfinished(port, MB) for _ in range(3)]
        clients.append(socket.create_connection(("127.0.0.1", port)))
        clients[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        assert until(lambda: any(deleted(process.pid, folder)))
        process.send_signal(how)
        assert process.wait(TIMEOUT_SECONDS) == (0 if how == signal.SIGTERM else -how)
        assert list(folder.iterdir()) == []
        for connection in clients:
            connection.close()
    finally:
        process.kill()
        process.wait()


def deleted(pid: int, folder) -> list[str]:
    """Open files of a process that have no name in a folder."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            place = str(descriptor.readlink())
        except OSError:
            continue
        if place.startswith(f"{folder}/") and place.endswith("(deleted)"):
            found.append(place)
    return found
