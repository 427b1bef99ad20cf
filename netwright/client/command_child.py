"""Runs one command for a search and keeps what came of it: ``command_child.py FOLDER SECONDS COMMAND``.

A process of its own between the search and the command. It ends the command, with all processes that it
started, when its time is over or when standard input ends: the search has stopped or was killed. What the
command wrote is in ``output`` and ``errors`` of the folder; ``ended`` appears, whole, once the command has
ended by itself or by its time-out. Run as a program, it imports nothing but the standard library.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

LOOK_SECONDS = 0.05


def main(arguments: list[str]) -> int:
    """Runs the command to its end."""
    folder, seconds, command = Path(arguments[0]), float(arguments[1]), arguments[2]
    began, timed_out = time.monotonic(), False
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        child = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
        if ready and not os.read(sys.stdin.fileno(), 1):
            _end(child)
            return 1
        if seconds and time.monotonic() - began > seconds:
            timed_out = True
            _end(child)
    status = {"status": child.returncode, "timed_out": timed_out, "seconds": time.monotonic() - began}
    unfinished = folder / "ended.unfinished"
    unfinished.write_text(json.dumps(status), encoding="ascii")
    unfinished.rename(folder / "ended")
    return 0


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kills the command and everything of its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
