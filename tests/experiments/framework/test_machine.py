"""The machine without its name, and the commit that says when there are changes."""

import platform
import shutil
import subprocess

import pytest

from experiments.framework.machine import commit, machine


def test_the_machine_is_described_without_its_name():
    described = machine()
    assert {"cpu", "cores", "memory_gb", "system", "python", "numpy", "torch"} <= described.keys()
    assert described["cores"] >= 1 and described["memory_gb"] > 0
    assert platform.node() not in described.values()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_says_when_there_are_changes(tmp_path):
    def git(*arguments):
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    assert commit(None) == "unknown" and commit(tmp_path) == "unknown"
    git("init")
    assert commit(tmp_path) == "unknown"
    (tmp_path / "code.py").write_text("1")
    git("add", "code.py")
    git("commit", "-m", "First")
    head = git("rev-parse", "--short=12", "HEAD")
    assert commit(tmp_path) == head
    (tmp_path / "docs" / "figures").mkdir(parents=True)
    (tmp_path / "docs" / "figures" / "tiny.json").write_text("{}")
    assert commit(tmp_path) == head
    (tmp_path / "code.py").write_text("2")
    assert commit(tmp_path) == f"{head}-dirty"
