"""The message of an exception for clients: made in one place, without paths and native frames.

The message of an exception of ours was written for people and is passed on, paths cut to their last part. So
is one of Python's own that our code raised, where it is one plain line. Everything else (an error of XGBoost
holds addresses, one of torch the paths of its build) is reported by its class and a reference to the log.
"""

import errno
import re
import uuid
from dataclasses import dataclass

ROOMS = frozenset(
    (
        "artifacts",
        "benchmarks",
        "encoders",
        "experiments",
        "generator",
        "netwright",
        "networks",
        "predictors",
        "search",
        "service",
        "spaces",
        "store",
        "workers",
    )
)
LONGEST = 500
"""Characters of a reason."""
NO_MEMORY = "out of memory: the job needs more of it than its worker has"
DISK_FULL = "disk_full: there is no room left on the worker's disk"
_MEMORY = ("out of memory", "can't allocate memory", "bad_alloc", "unable to allocate")
# Two parts at least: "accuracy/loss" and "/v1" are no paths. Each character is looked at once.
_PATH = re.compile(r"(?<![\w/.:~-])(?:~|[A-Za-z]:)?[/\\](?!v1/)(?:[\w.@+-]+[/\\])+([\w.@+-]*)")
_NATIVE = re.compile(r"0x[0-9a-fA-F]{5,}|frame #|Stack trace|Traceback|\w\.(?:so|cc|cpp|cu)\b")


@dataclass(frozen=True, slots=True)
class Reason:
    """The message, and the reference under which the log holds more; None where it holds no more.

    Args:
        text: for clients.
        reference: to be written into the log with the traceback.
    """

    text: str
    reference: str | None = None


def client_reason(error: BaseException) -> Reason:
    """The reason that a client sees for a failure.

    >>> client_reason(OSError(28, "No space left on device", "/var/lib/x")).text
    "disk_full: there is no room left on the worker's disk"
    """
    name, text = type(error).__name__, str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Reason(DISK_FULL)
    if name == "StoreFull":
        return Reason(DISK_FULL)
    if isinstance(error, MemoryError) or any(sign in text.lower() for sign in _MEMORY):
        return Reason(NO_MEMORY)
    if _is_ours(error) and (plain := plain_text(text)) is not None:
        return Reason(f"{name}: {plain}" if plain else name)
    reference = uuid.uuid4().hex[:12]
    return Reason(f"an internal error ({name}); the worker's log has it under {reference}", reference)


def plain_text(text: str) -> str | None:
    """A message without paths; None where it holds what only programmers understand.

    >>> plain_text("no table in /srv/data/nasbench201.npz")
    'no table in nasbench201.npz'
    >>> plain_text("[bt] (0) /lib/libxgboost.so(+0x8d5) [0x7f2a10]") is None
    True
    """
    text = text.strip()[: 4 * LONGEST]
    cut = _PATH.sub(lambda found: found.group(1) or "…", text)
    if "\n" in cut or _NATIVE.search(text) is not None:
        return None
    return cut if len(cut) <= LONGEST else cut[: LONGEST - 1] + "…"


def _is_ours(error: BaseException) -> bool:
    """Whether the class is ours, or one of Python's own that our code raised."""
    root = type(error).__module__.partition(".")[0]
    if root in ROOMS:
        return True
    if root != "builtins" or isinstance(error, OSError):
        return False
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in ROOMS
