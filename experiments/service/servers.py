"""PostgreSQL and Redis of a comparison's own, on free ports of the loopback and in empty folders.

They run as they would in earnest: PostgreSQL syncs what it commits, Redis appends what it is given.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store.sql import SqlStore
from workers.stack import free_port
from workers.timeouts import until_reachable

START_SECONDS = 30.0
STOP_SECONDS = 20.0


def missing() -> str | None:
    """Why PostgreSQL and Redis cannot be started here; None where they can."""
    absent = [
        name
        for name, found in (("PostgreSQL", postgres_programs()), ("Redis", shutil.which("redis-server")))
        if found is None
    ]
    if not absent and os.geteuid() == 0 and _unprivileged() is None:
        return "PostgreSQL does not run as root, and there is no user to run it as"
    return f"not installed here: {' and '.join(absent)}" if absent else None


def postgres_programs() -> Path | None:
    """Where the newest installed PostgreSQL has its programs."""
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    installed = shutil.which("postgres")
    return None if installed is None else Path(installed).parent


@contextmanager
def redis() -> Iterator[str]:
    """A Redis server with an append-only file and a password; gives its URL."""
    port, password = free_port("127.0.0.1"), secrets.token_urlsafe(16)
    with tempfile.TemporaryDirectory(prefix="netwright-redis-") as folder:
        settings = f"bind 127.0.0.1\nport {port}\nrequirepass {password}\nappendonly yes\ndir {folder}\n"
        command = ["redis-server", "-"]
        with _running(command, port, signal.SIGTERM, settings + "maxmemory-policy noeviction\n"):
            yield f"redis://:{password}@127.0.0.1:{port}/0"


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server with an empty database; gives its URL."""
    programs = postgres_programs()
    assert programs is not None, "ask missing() first"
    port = free_port("127.0.0.1")
    folder = Path(tempfile.mkdtemp(prefix="netwright-postgres-"))
    who: dict[str, Any] = (_unprivileged() or {}) if os.geteuid() == 0 else {}
    if who:
        os.chown(folder, who["user"], who["group"])
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **who}
    try:
        initialize = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "netwright", "-A", "trust"]
        subprocess.run([*initialize, "--locale=C", "-E", "UTF8"], check=True, **silent)
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)]
        with _running([*command, "-h", "127.0.0.1", "-k", str(folder)], port, signal.SIGINT, **silent):
            url = f"postgresql+psycopg://netwright@127.0.0.1:{port}/postgres"
            store = SqlStore(url)
            until_reachable(store.ping, START_SECONDS)  # it accepts connections before it answers
            store.close()
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> dict[str, Any] | None:
    """Whom PostgreSQL runs as where we are root, which it refuses to be."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    return None


@contextmanager
def _running(command: list[str], port: int, end: int, settings: str = "", **options: Any) -> Iterator[None]:
    """A server that accepts connections inside the block and is gone behind it."""
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, **options)
    try:
        assert process.stdin is not None
        process.stdin.write(settings.encode())
        process.stdin.close()
        _wait_for(port, process, command[0])
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", command: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not start") from None
            time.sleep(0.02)
