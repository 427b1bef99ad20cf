"""Checks of the machine before the stack starts: address, folder, room on the disk."""

import errno
import fcntl
import os
import socket
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

ROOM_BYTES = 1 << 20
"""What must fit on the disk under the data folder before anything is started."""
BACKLOG = 512
"""Connections that the system keeps until somebody accepts them."""


class StackError(Exception):
    """The stack cannot be started; the message says why. Retry after mending that."""


class WrongSurroundings(StackError):
    """An address, a folder or a database that was named cannot be used; never retry as it stands."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; whoever holds it keeps the address, whether or not somebody accepts.

    Args:
        host: an address of this machine, or a name of one.
        port: 0: a free one.

    Raises:
        WrongSurroundings: another program listens there, or the address cannot be used.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
        if error.errno == errno.EADDRINUSE:
            why = (
                f"another program listens on {where}, perhaps another Netwright: "
                "stop it, or choose another port (--port, NETWRIGHT_PORT; 0 takes a free one)"
            )
        else:
            why = f"cannot listen on {where}: {error.strerror or error}"
        raise WrongSurroundings(why) from None


def claim_folder(folder: Path, *others: Path) -> IO[str]:
    """Makes the data folder where there is none and locks it, until the lock is closed or the process ends.

    Args:
        others: folders that are to be there too.

    Raises:
        WrongSurroundings: another process holds it, or it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for other in others:
            other.mkdir(parents=True, exist_ok=True)
        lock = (folder / "serve.lock").open("a+")
    except OSError as error:
        raise _unusable(folder, error) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise WrongSurroundings(
            f"the data folder {folder} is in use by another Netwright (process {holder}): "
            "stop that one, or choose another folder (--data-dir, NETWRIGHT_DATA_DIR)"
        ) from None
    try:
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):  # what did not fit does not fit now
            lock.close()
        raise _unusable(folder, error) from None
    return lock


def _unusable(folder: Path, error: OSError) -> WrongSurroundings:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WrongSurroundings(f"the disk under the data folder {folder} is full: make room there")
    return WrongSurroundings(f"the data folder {folder} cannot be used: {error.strerror or error}")
