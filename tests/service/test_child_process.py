"""Programs that the API starts: they end with it, also where it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PARENT = """
import sys
from tempfile import TemporaryFile
from service.children.child_process import pipe_child
sys.path.append(sys.argv[1])
with TemporaryFile() as source, TemporaryFile() as target:
    pipe_child("sleeper", (sys.argv[1],), source, target, seconds=60, retry_after_seconds=1,
               environment={"PYTHONPATH": sys.argv[1]})
"""
CHILD = """
import os, pathlib, sys, time
path = pathlib.Path(sys.argv[1]) / "pid"
path.with_suffix(".new").write_text(str(os.getpid()))
path.with_suffix(".new").rename(path)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_a_program_ends_with_a_killed_api(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(CHILD)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        child = int((tmp_path / "pid").read_text())
    finally:
        parent.kill()
        parent.wait()
    try:
        deadline = time.monotonic() + 10
        while _alive(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _alive(child)
    finally:
        if _alive(child):
            os.kill(child, signal.SIGKILL)
