"""Work in a process of its own: it may load what this one must not, and ends when its time is up."""

import json
import logging
import subprocess
import sys
from collections.abc import Mapping

from service.problems import Problem

_log = logging.getLogger(__name__)


def run_child(module: str, order: Mapping[str, object], *, seconds: float, retry_after_seconds: int) -> bytes:
    """What ``python -m module`` writes to standard output when it is given an order as JSON.

    Blocks; call it in a thread.

    Raises:
        Problem: 503 where it takes longer than ``seconds``, 500 where it fails.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Problem(
            503,
            f"this took longer than {seconds:g} s; the machine is busy",
            kind="busy",
            headers={"Retry-After": str(retry_after_seconds)},
        ) from None
    if done.returncode != 0:
        _log.error("%s failed: %s", module, done.stderr.decode(errors="replace")[-4000:])
        raise Problem(500, "this is a fault of the server, not of the request")
    return done.stdout
