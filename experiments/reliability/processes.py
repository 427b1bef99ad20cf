"""Running processes as Linux shows them: memory, descriptors, children."""

import os
from collections.abc import Iterator
from pathlib import Path

MEGABYTE = 1e6
_PROC = Path("/proc")


def children(pid: int, *, direct: bool = False) -> list[int]:
    """The processes below one: those that it started itself, or all generations."""
    parents: dict[int, list[int]] = {}
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                # The name in brackets may hold anything; what follows the last bracket does not.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except (OSError, IndexError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    if direct:
        return parents.get(pid, [])
    found, look = [], [pid]
    while look:
        below = parents.get(look.pop(), [])
        found += below
        look += below
    return found


def role(pid: int) -> str:
    """``api``, ``relay`` or ``worker`` for a process of Netwright's, else its last argument or nothing."""
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return ""
    return arguments[-1].decode(errors="replace")


def environment(pid: int) -> dict[str, str]:
    """The environment that a process was started with."""
    entries = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    pairs = (entry.decode(errors="replace").partition("=") for entry in entries if entry)
    return {name: value for name, _, value in pairs}


def memory_mb(pid: int) -> float:
    """Resident memory; 0 for a process that is gone."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def peak_mb(pid: int) -> float:
    """The most resident memory that a process has had; 0 for one that is gone."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 / MEGABYTE if found else 0.0


def module(pid: int) -> str:
    """What a Python process was started with behind ``-m``, or nothing."""
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return arguments[arguments.index(b"-m") + 1].decode(errors="replace") if b"-m" in arguments[:-1] else ""


def descriptors(pid: int) -> int:
    """Open descriptors; 0 for a process that is gone."""
    try:
        return sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())
    except OSError:
        return 0


def unlinked_mb(pid: int) -> float:
    """Content of files that a process holds open though no folder names them any more."""
    total = 0
    for path in _open_files(pid):
        try:
            if str(path.readlink()).endswith(" (deleted)"):
                total += path.stat().st_blocks * 512
        except OSError:
            continue
    return total / MEGABYTE


def _open_files(pid: int) -> Iterator[Path]:
    try:
        yield from (_PROC / str(pid) / "fd").iterdir()
    except OSError:
        return
