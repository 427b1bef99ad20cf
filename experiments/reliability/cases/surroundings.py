"""F18: ``netwright serve`` where it cannot work: one clear line and status 2; ``/readyz`` is right."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.reliability.case import Impossible, Measured, case
from experiments.reliability.cases.connections import small_folder
from experiments.reliability.stack import Served, serving
from experiments.reliability.target import call

TRUTH_SECONDS = 20.0


@case(
    "F18",
    "wrong surroundings",
    {
        "unclear": ("starts", "== 0"),
        "tried": ("starts", None),
        "ready-untrue": ("answers of /readyz", "== 0"),
        "ready-tried": ("answers of /readyz", None),
    },
    attack=False,
)
def surroundings(stack: str, full: bool) -> Measured:
    """Every wrong start once; then the data folder is removed, and the disk filled, below a running one."""
    said: dict[str, str] = {}
    with serving(stack, workers=0) as served:
        for name, start in _starts(served).items():
            with suppress(Impossible), TemporaryDirectory(prefix="netwright-wrong-") as folder:
                said[name] = start(Path(folder))
    truths = {}
    for name, spoil in {"data folder deleted": _deleted, "disk full": _full}.items():
        with suppress(Impossible):
            truths[name] = spoil(stack)
    unclear = {name: text for name, text in said.items() if text}
    figures = {
        "unclear": len(unclear),
        "tried": len(said),
        "ready-untrue": sum(not truth for truth in truths.values()),
        "ready-tried": len(truths),
    }
    wrong = [f"{name}: {text}" for name, text in unclear.items()]
    wrong += [f"{name}: still ready" for name, truth in truths.items() if not truth]
    return Measured({name: float(value) for name, value in figures.items()}, "; ".join(wrong) or "all clear")


def _starts(served: Served) -> dict[str, Callable[[Path], str]]:
    """Each wrong start: what was unclear about it, or nothing."""
    port = str(served.target().address[1])
    data = served.data

    def damaged(folder: Path) -> str:
        (folder / "netwright.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
        return _start(folder)

    def no_database(folder: Path) -> str:
        (folder / "netwright.db").write_bytes(b"this is no database" * 500)
        return _start(folder)

    def read_only(folder: Path) -> str:
        with small_folder(1) as small:
            done = subprocess.run(["mount", "-o", "remount,ro", str(small)], capture_output=True)
            if done.returncode != 0:
                raise Impossible("a read-only folder needs a mount")
            return _start(small)

    def full_disk(folder: Path) -> str:
        with small_folder(1) as small:
            with suppress(OSError), (small / "fill").open("wb") as file:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()
            return _start(small)

    return {
        "port of another Netwright": lambda folder: _start(folder, port),
        "folder of another Netwright": lambda folder: _start(data),
        "damaged database": damaged,
        "no database": no_database,
        "read-only folder": read_only,
        "full disk": full_disk,
        "a file for a folder": lambda folder: _start(_file(folder)),
        "unknown database": lambda folder: _start(folder, NETWRIGHT_DATABASE_URL="mysql://127.0.0.1/x"),
        "no URL": lambda folder: _start(folder, NETWRIGHT_DATABASE_URL="nonsense"),
    }


def _file(folder: Path) -> Path:
    path = folder / "file"
    path.write_text("")
    return path


def _start(folder: Path, port: str = "0", **settings: str) -> str:
    """What was unclear: another status than 2, or other than a line of text."""
    command = [sys.executable, "-m", "netwright", "serve", "--port", port, "--workers", "0"]
    environment = {
        **os.environ,
        "NETWRIGHT_DATA_DIR": str(folder),
        "NETWRIGHT_LOG_LEVEL": "ERROR",
        **settings,
    }
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    except subprocess.TimeoutExpired as expired:
        return f"it went on: {(expired.stdout or b'').decode()[:100]}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode == 2 and len(lines) == 1:
        return ""
    return f"status {done.returncode}, {len(lines)} lines, {lines[-1][:100] if lines else 'nothing said'}"


def _deleted(stack: str) -> bool:
    with serving(stack, workers=0) as served:
        shutil.rmtree(served.data)
        return _comes_to_refuse(served)


def _full(stack: str) -> bool:
    with small_folder(64) as folder, serving(stack, workers=0, data=folder) as served:
        with suppress(OSError), (folder / "fill").open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()
        return _comes_to_refuse(served)


def _comes_to_refuse(served: Served) -> bool:
    """Whether ``/readyz`` says within a while that the service is not ready."""
    deadline = time.monotonic() + TRUTH_SECONDS
    while time.monotonic() < deadline:
        if call(served.target(), "GET", "/readyz")[0] == 503:
            return True
        time.sleep(0.5)
    return False
