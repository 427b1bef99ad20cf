"""Work in a process of its own: it may load what this one must not, and ends when its time is up."""

import contextlib
import errno
import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from typing import BinaryIO

from service.children.bounded import checkpoint, current_work
from service.http.problems import Problem
from store.tied_process import tied

_log = logging.getLogger(__name__)

REFUSED = 3
"""Exit status of a program whose standard error says, as JSON, what is wrong with what it was given."""


class Refused(ValueError):
    """The program found its input at fault; not worth a retry as it is."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Died(RuntimeError):
    """The program was ended by a signal, as the limits that it set itself do."""


def run_child(module: str, order: Mapping[str, object], *, seconds: float, retry_after_seconds: int) -> bytes:
    """What ``python -m module`` writes to standard output when it is given an order as JSON.

    Blocks; call it in a thread.

    Raises:
        Problem: 503 where it takes longer than ``seconds``, 500 where it fails.
    """
    with TemporaryFile() as source, TemporaryFile() as target:
        source.write(json.dumps(order).encode())
        try:
            pipe_child(module, (), source, target, seconds=seconds, retry_after_seconds=retry_after_seconds)
        except (Refused, Died) as error:
            _log.error("%s failed: %s", module, error)
            raise Problem(500, "this is a fault of the server, not of the request") from None
        return target.read()


def pipe_child(
    module: str,
    arguments: Sequence[str],
    source: BinaryIO,
    target: BinaryIO,
    *,
    seconds: float,
    retry_after_seconds: int,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Runs ``python -m module`` from one file to another, which then stands at its beginning.

    Nothing of either passes through this process. Blocks; call it in a thread.

    Raises:
        Refused: the program said that its input is at fault.
        Died: a signal ended it.
        OSError: ENOSPC where the disk is full.
        Problem: 503 where it takes longer than ``seconds``, 500 where it fails otherwise.
    """
    source.flush()
    source.seek(0)
    process = subprocess.Popen(
        tied([sys.executable, "-m", module, *arguments]),
        stdin=source,
        stdout=target,
        stderr=subprocess.PIPE,
        env=None if environment is None else {**os.environ, **environment},
    )
    work = current_work()
    try:
        # Nobody waits for the child of a call that was given up.
        with contextlib.nullcontext() if work is None else work.killing(process.kill):
            _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Problem(
            503,
            f"this took longer than {seconds:g} s; the machine is busy",
            kind="busy",
            headers={"Retry-After": str(retry_after_seconds)},
        ) from None
    finally:
        process.kill()
        process.communicate()
    checkpoint()
    said = errors.decode(errors="replace")
    if process.returncode == REFUSED:
        reason = json.loads(said.splitlines()[-1])
        raise Refused(str(reason["message"]), str(reason["hint"]))
    if process.returncode < 0:
        raise Died(f"signal {-process.returncode}: {said[-1000:]}")
    if process.returncode != 0 and f"[Errno {errno.ENOSPC}]" in said:
        raise OSError(errno.ENOSPC, f"{module} found the disk full")
    if process.returncode != 0:
        _log.error("%s failed: %s", module, said[-4000:])
        raise Problem(500, "this is a fault of the server, not of the request")
    target.seek(0)
