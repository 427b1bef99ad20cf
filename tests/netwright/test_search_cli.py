"""``netwright search`` from the outside: the documents' example, and searches that are killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DOCS = (Path(__file__).parents[2] / "docs" / "search.md").read_text(encoding="utf-8")
SECONDS = 540
SPACE = """
name = "killed"
[variables]
a = [1, 2, 3, 4]
b = [1, 2, 3, 4]
[metrics]
f1 = "maximize"
"""
TRAIN = """
echo "began $NETWRIGHT_NAME" >> log
sleep 1
echo "ended $NETWRIGHT_NAME" >> log
echo '{"f1": 1}'
"""


def files_of_docs(folder):
    """The example's files, by the names that their first lines say; the command that is left."""
    blocks = re.findall(r"```(?:toml|sh|python)\n(.*?)```", DOCS.partition("## ")[0], re.DOTALL)
    command = ""
    for block in blocks:
        named = re.match(r"# ([\w.]+)\n", block)
        if named is None:
            command = block
            continue
        (folder / named[1]).write_text(block, encoding="utf-8")
        (folder / named[1]).chmod(0o755)
    return command, sum(len(block.splitlines()) for block in blocks)


def environment(folder):
    return {
        **os.environ,
        "NETWRIGHT_DATA_DIR": str(folder / "data"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def test_the_example_of_the_documents_runs(tmp_path):
    command, lines = files_of_docs(tmp_path)
    assert command.startswith("netwright search") and lines <= 25
    ran = subprocess.run(
        ["/bin/sh", "-c", f"{command.strip()} --evaluations 7 --json"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    study = json.loads(ran.stdout)
    assert study["observed"] == 7 and study["failed"] == 0, ran.stderr
    assert study["best"] and "f1" in study["best"][0]["values"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_search_that_was_killed_repeats_nothing_that_had_finished(tmp_path, how):
    (tmp_path / "s.toml").write_text(SPACE, encoding="utf-8")
    (tmp_path / "train.sh").write_text(TRAIN, encoding="utf-8")
    command = [sys.executable, "-m", "netwright", "search", "--space-file", "s.toml", "--run", "sh train.sh"]
    command += ["--parallel", "2", "--evaluations", "8", "--strategy", "random", "--json"]
    log = tmp_path / "log"
    started = {"cwd": tmp_path, "env": environment(tmp_path)}
    first = subprocess.Popen(command, **started, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + SECONDS
    while time.monotonic() < limit:
        lines = log.read_text().splitlines() if log.exists() else []
        if len(lines) >= 4 and sum(line.startswith("began") for line in lines) >= len(lines) // 2 + 1:
            break
        assert first.poll() is None, "it ended before it could be killed"
        time.sleep(0.05)
    first.send_signal(how)
    first.wait(120)
    finished = [line for line in log.read_text().splitlines() if line.startswith("ended")]
    assert finished
    time.sleep(2)
    assert [line for line in log.read_text().splitlines() if line.startswith("ended")] == finished, (
        "what it ran went on after it"
    )
    second = subprocess.run(command, **started, stdout=subprocess.PIPE, timeout=SECONDS)
    assert second.returncode == 0
    ended = [line for line in log.read_text().splitlines() if line.startswith("ended")]
    assert len(ended) == len({*ended}) == 8, "what had finished ran again"
    assert json.loads(second.stdout)["observed"] == 8
