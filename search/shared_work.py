"""Work that several jobs need is done once: found, done here, or waited for while another does it."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from search.evaluator import SharedWork, Stopped

LOOK_SECONDS = 0.5
"""Between two looks at what another does."""
RENEW_SECONDS = 5.0


def done_once(
    shared: SharedWork | None,
    identity: Mapping[str, object],
    work: Callable[[Callable[[], bool]], dict[str, Any]],
    should_stop: Callable[[], bool],
) -> tuple[dict[str, Any], bool]:
    """What some work finds, and whether it was done here.

    Args:
        shared: None: it is done here.
        identity: all that the finding follows from, plain JSON.
        work: does it, asking now and then whether to stop; plain JSON.
        should_stop: see :class:`search.evaluator.Evaluator`.

    Raises:
        Stopped: ``should_stop`` said so while another did it; and what ``work`` raises.
    """
    if shared is None:
        return work(should_stop), True
    key = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    while True:
        if (found := shared.find(key)) is not None:
            return found, False
        if shared.begin(key):
            break
        if should_stop():
            raise Stopped("stopped while another job evaluates the same")
        time.sleep(LOOK_SECONDS)
    try:
        if (found := shared.find(key)) is not None:  # it was kept between the look and the announcement
            return found, False
        renewed = time.monotonic()

        def asked() -> bool:
            nonlocal renewed
            if time.monotonic() - renewed > RENEW_SECONDS:
                shared.begin(key)
                renewed = time.monotonic()
            return should_stop()

        return shared.keep(key, work(asked)), True
    finally:
        shared.end(key)
