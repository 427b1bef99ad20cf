"""Programs that end when the process that started them does, however that ends.

The API and the workers both start such programs, so this file lies in a room below both. It is also run as a
program, before any import is paid for: ``tied_process.py PARENT_PID PROGRAM [ARGUMENT…]`` asks the kernel for
SIGKILL at the parent's death (``PR_SET_PDEATHSIG``; it survives the exec), then replaces itself, so that even
a parent that was killed leaves no process behind. On systems without that call the program simply runs.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def tied(command: Sequence[str]) -> list[str]:
    """The command that runs another one, given by its absolute path, tied to this process."""
    # -I -S: this file needs no site packages and reads no environment.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(arguments: list[str]) -> None:
    """Ties this process to its parent and becomes the program."""
    parent = int(arguments[0])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent ended before its child began")
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
