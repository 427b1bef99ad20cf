"""``netwright serve`` where it cannot work: one clear line, exit status 2, and nothing left running."""

import os
import pwd
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from store.sql import SqlStore

SERVE = [sys.executable, "-m", "netwright", "serve", "--workers", "0"]


def serve(folder, *arguments, command=SERVE, user=None, **environment):
    """The exit status and what was said on standard error, after a start that cannot succeed."""
    cache = str(Path(folder).parent / "cache")
    given = {
        **os.environ,
        "NETWRIGHT_DATA_DIR": str(folder),
        "NETWRIGHT_CACHE_DIR": cache,
        "NETWRIGHT_LOG_LEVEL": "WARNING",
        "NETWRIGHT_PORT": "0",
        **environment,
    }
    options = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    done = subprocess.run(
        [*command, *arguments], env=given, capture_output=True, text=True, timeout=240, **options
    )
    assert done.stdout == ""
    left = [
        process.pid
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("NETWRIGHT_DATA_DIR") == str(folder)
        and process.pid != os.getpid()
    ]
    assert left == []
    return done.returncode, done.stderr.strip()


def refused(folder, *words, **options):
    status, said = serve(folder, **options)
    assert status == 2, said
    assert len(said.splitlines()) == 1, said
    for word in words:
        assert word in said
    return said


def test_a_port_where_something_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused(tmp_path / "data", f"127.0.0.1:{port}", "another program", NETWRIGHT_PORT=str(port))
        alone = [sys.executable, "-m", "netwright", "api"]
        refused(tmp_path / "data", "another program", command=alone, NETWRIGHT_PORT=str(port))


def test_an_address_that_is_not_of_this_machine(tmp_path):
    refused(
        tmp_path / "data",
        "192.0.2.1",
        "cannot listen",
        NETWRIGHT_HOST="192.0.2.1",
        NETWRIGHT_OPEN_ACCESS="true",
    )


def test_a_folder_that_another_server_holds(stack):
    process, _, environment = stack
    given = {**environment, "NETWRIGHT_PORT": "0", "NETWRIGHT_LOG_LEVEL": "WARNING"}
    done = subprocess.run(SERVE, env=given, capture_output=True, text=True, timeout=240)
    assert done.returncode == 2 and done.stdout == ""
    assert f"in use by another Netwright (process {process.pid})" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("how", ["garbage", "cut", "pages"])
def test_a_damaged_database(tmp_path, how):
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "netwright.db"
    if how == "garbage":
        path.write_bytes(b"this is no database at all. " * 400)
    else:
        store = SqlStore(f"sqlite:///{path}")
        store.migrate()
        for number in range(200):
            store.submit("design", {"text": "x" * 500, "n": number})
        store.close()
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        content = bytearray(path.read_bytes())
        if how == "cut":
            del content[len(content) // 2 :]
        else:
            content[20_000:-20_000] = os.urandom(len(content) - 40_000)
        path.write_bytes(content)
    refused(folder, "netwright.db", "damaged")


@pytest.mark.parametrize("url", ["mysql://root@localhost/x", "postgres//x", "sqlite://", "nonsense"])
def test_a_database_of_another_kind(tmp_path, url):
    said = refused(
        tmp_path / "data", "use sqlite:///path" if url != "sqlite://" else "file", NETWRIGHT_DATABASE_URL=url
    )
    assert "secret" not in said


def test_a_url_that_makes_no_sense_is_not_repeated(tmp_path):
    assert "secret" not in refused(tmp_path / "data", NETWRIGHT_DATABASE_URL="postgresql:me:secret@host")


def unprivileged():
    try:
        return pwd.getpwnam("nobody").pw_uid
    except KeyError:
        return None


def test_a_folder_that_cannot_be_written(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o500)
        refused(folder, str(folder), "cannot be used")
        return
    # Root may write everywhere but where nobody may: a folder that is a file.
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "data", "cannot be used")


def mounted(folder, options):
    """Whether a file system of our own could be mounted there; only root may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def disk(tmp_path):
    """Mounts small file systems."""
    folders = []

    def mount(options):
        folder = tmp_path / f"disk{len(folders)}"
        if not mounted(folder, options):
            pytest.skip("no file system can be mounted here")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Leaves no room on a disk."""
    with (folder / "ballast").open("wb", buffering=0) as ballast, pytest.raises(OSError, match="No space"):
        while True:
            ballast.write(bytes(4096))


def test_a_full_disk(disk):
    folder = disk("size=4m")
    fill(folder)
    refused(folder, "full")
    (folder / "netwright.db").unlink(missing_ok=True)


def test_a_read_only_disk(disk):
    folder = disk("size=4m,ro")
    refused(folder, str(folder), "cannot be used")
    elsewhere = folder.parent / "data"
    refused(elsewhere, "Read-only", NETWRIGHT_DATABASE_URL=f"sqlite:///{folder / 'x.db'}")
