"""The embedded stack: it starts whole, leaves nothing behind, and one folder has one stack."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from store.sql import SqlStore
from tests.workers.conftest import CHILDREN, options
from workers.stack import Stack, StackError

HOST = """
import sys, time
from pathlib import Path
from netwright.logs import set_up_logs
from tests.workers.conftest import options
from workers.stack import Stack
set_up_logs()
with Stack(options(Path(sys.argv[1]), workers=1)) as stack:
    print(*stack.pids.values(), stack.broker_url.rpartition(":")[2].partition("/")[0], flush=True)
    time.sleep(600)
"""


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def gone(pids):
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def processes_in(folder):
    """Processes that have anything to do with the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.environ().values()) + " ".join(process.cmdline()):
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return [pid for pid in found if pid != os.getpid()]


def leftovers(folder):
    return {path.name for path in folder.rglob("*") if path.is_socket() or path.suffix in {".rdb", ".aof"}}


def test_a_stack_does_a_job_and_leaves_nothing_behind(tmp_path):
    with Stack(options(tmp_path)) as stack:
        assert {name.partition("-")[0] for name in stack.pids} == {"broker", "relay", "worker"}
        pids = list(stack.pids.values())
        assert len(pids) == 4
        gives_way = {name.partition("-")[0]: psutil.Process(pid).nice() for name, pid in stack.pids.items()}
        assert gives_way["relay"] == os.nice(0) and gives_way["worker"] == min(os.nice(0) + 5, 19)
        store = SqlStore(stack.database_url)
        payload = {"count": 2, "seconds": 0, "journal": str(tmp_path / "journal")}
        job, _ = store.submit("wait", payload)
        wait_until(lambda: store.job(job.id).state.terminal)
        assert store.result(job.id) == {"evaluated": 2}
        store.close()
        assert (tmp_path / "netwright.db").stat().st_mode & 0o077 == 0
        port = int(stack.broker_url.rpartition(":")[2].partition("/")[0])
    assert gone(pids)
    assert processes_in(tmp_path) == []
    assert leftovers(tmp_path) == set()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    stack.stop()


def test_the_broker_wants_its_password(tmp_path):
    with Stack(options(tmp_path, workers=0)) as stack:
        port = int(stack.broker_url.rpartition(":")[2].partition("/")[0])
        stranger = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
        with stranger as client, pytest.raises(redis.exceptions.AuthenticationError):
            client.ping()
        with redis.Redis.from_url(stack.broker_url) as client:
            assert client.ping()


def test_children_die_with_a_parent_that_is_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with parent:
        *pids, port = map(int, parent.stdout.readline().split())
        assert len(pids) == 3
        assert not gone(pids)
        parent.kill()
    wait_until(lambda: gone(pids))
    assert processes_in(tmp_path) == []
    assert leftovers(tmp_path) == set()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    with Stack(options(tmp_path, workers=0)):
        pass  # the folder is free again


def test_two_stacks_cannot_share_a_folder(tmp_path):
    with Stack(options(tmp_path, workers=0)):
        second = Stack(options(tmp_path, workers=0))
        with pytest.raises(StackError, match=f"in use by another Netwright .process {os.getpid()}."):
            second.start()
        assert second.pids == {}


def test_a_dead_process_is_started_again(tmp_path):
    with Stack(options(tmp_path, workers=1)) as stack:
        before = stack.pids
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: stack.pids.keys() == before.keys() and not set(stack.pids.values()) & set(before.values())
        )
        store = SqlStore(stack.database_url)
        job, _ = store.submit("wait", {"count": 1, "seconds": 0, "journal": str(tmp_path / "journal")})
        wait_until(lambda: store.job(job.id).state.terminal)
        store.close()


def test_a_stack_whose_processes_cannot_start_says_so_and_ends(tmp_path):
    broken = (sys.executable, "-c", "import sys; sys.exit('no such thing')")
    with pytest.raises(StackError, match=r"ends again and again(.|\n)*no such thing"):
        Stack(options(tmp_path, command=broken)).start()
    assert processes_in(tmp_path) == []
    with pytest.raises(StackError, match="not ready after"):
        Stack(
            options(
                tmp_path,
                workers=1,
                command=(*CHILDREN[:1], "-c", "import time; time.sleep(99)"),
                start_seconds=1,
            )
        ).start()
    assert processes_in(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    Path(tmp_path / "file").touch()
    with pytest.raises(StackError, match="cannot be used"):
        Stack(options(tmp_path / "file" / "data", log_dir=None)).start()
