"""An evaluation that a design hands to whoever asks: plain data.

It waits, is claimed under a lease, and ends with values or a reason. A lease that expires, or whose client
vanished, makes it wait again, until its attempts are used up; then it has failed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

VANISHED = "every client that took it vanished: its lease expired {attempts} times"


@dataclass(frozen=True, slots=True)
class Offer:
    """What is to be evaluated.

    Args:
        job_id: the design that asks.
        architecture: canonical string.
        order: plain JSON of what a client needs: space, task, the choices, the quantities.
        lease_seconds: how long a claim holds without a heartbeat.
        attempts: how often it may be claimed.
    """

    job_id: str
    architecture: str
    order: Mapping[str, object]
    lease_seconds: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Claim:
    """An evaluation that a client has.

    Args:
        id: of the evaluation.
        token: shows that it is his; every later call names it.
        attempt: from 1.
        lease_until: by the store's clock.
        stopped: whether nobody waits for it any more: its design has ended or is being cancelled.
    """

    id: str
    token: str
    offer: Offer
    client_id: str
    attempt: int
    lease_until: datetime
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of an evaluation: values, or a reason why there are none."""

    values: Mapping[str, float]
    failed: str | None
    seconds: float
    client_id: str | None
    details: Mapping[str, object]
