"""Becomes another program that ends when its parent does; run as a program, before any import is paid for.

``python -I -S child.py PARENT_PID PROGRAM [ARGUMENT…]`` asks the kernel for SIGKILL at the parent's death
(``PR_SET_PDEATHSIG``; it survives the exec), then replaces itself, so that even a parent that was killed
leaves no process behind. On systems without that call the program simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


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
