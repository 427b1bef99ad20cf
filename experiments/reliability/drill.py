"""One attack on one service: what a second client saw meanwhile, and whether all is as before afterwards."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from experiments.reliability.probe import Seen, probing
from experiments.reliability.stack import Served
from experiments.reliability.target import Answers, Target, call

ATTACKER = "127.0.0.2"
SETTLE_SECONDS = 30.0
"""How long the service may take to answer again and to give back what an attack took."""
LOOK_SECONDS = 3.0
"""How long a second client looks on at least."""
BACK = 1.1
"""Memory and descriptors are back when they are within a tenth of what they were."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an attack did.

    Args:
        answers: what the attacker got.
        calm_p99_ms: a second client's ``/healthz`` just before: what the machine itself takes.
        healthz_p50_ms, healthz_p99_ms, healthz_max_ms: the same meanwhile.
        unanswered: what it got instead of a 200.
        api_mb, children_mb: most memory of the API process, and of the processes below it.
        held_mb: most content of temporary files that no folder names.
        growth_mb, descriptors_left: what the API process had more than before when it had settled.
        restarts: how often the API process was started again.
        answers_after: whether the service answered afterwards.
        log_mb, tracebacks: what its processes wrote meanwhile.
    """

    answers: dict[str, int]
    calm_p99_ms: float
    healthz_p50_ms: float
    healthz_p99_ms: float
    healthz_max_ms: float
    unanswered: dict[str, int]
    api_mb: float
    children_mb: float
    held_mb: float
    growth_mb: float
    descriptors_left: int
    restarts: int
    answers_after: bool
    log_mb: float
    tracebacks: int

    def to_dict(self) -> dict[str, object]:
        """All of it as JSON."""
        return asdict(self)


def drill(served: Served, attack: Callable[[Target], Answers], *, source: str = ATTACKER) -> Done:
    """Runs an attack from a loopback address of its own and looks on from another."""
    before = looked(served, 3.0)
    said = len(served.log())
    begin = time.monotonic()
    with probing(served.url, served.pid) as seen:
        answers = attack(served.target(source))
        time.sleep(max(LOOK_SECONDS - (time.monotonic() - begin), 0))
    after, answered = settled(served, before)
    written = served.log()[said:]
    return Done(
        answers=dict(answers),
        calm_p99_ms=before.percentile_ms(99),
        healthz_p50_ms=seen.percentile_ms(50),
        healthz_p99_ms=seen.percentile_ms(99),
        healthz_max_ms=seen.percentile_ms(100),
        unanswered=dict(seen.unanswered),
        api_mb=seen.api_mb,
        children_mb=seen.children_mb,
        held_mb=seen.held_mb,
        growth_mb=after.last_api_mb - before.last_api_mb,
        descriptors_left=after.last_descriptors - before.last_descriptors,
        restarts=seen.apis - 1,
        answers_after=answered,
        log_mb=len(written) / 1e6,
        tracebacks=written.count("Traceback (most recent call last)"),
    )


def looked(served: Served, seconds: float) -> Seen:
    """What a client sees for a while."""
    with probing(served.url, served.pid) as seen:
        time.sleep(seconds)
    return seen


def settled(served: Served, before: Seen) -> tuple[Seen, bool]:
    """The service as it is once it is as before, or after :data:`SETTLE_SECONDS`; and whether it answers."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        status, _ = call(served.target(), "GET", "/readyz", seconds=5.0)
        after = looked(served, 0.5)
        memory = after.last_api_mb <= BACK * before.last_api_mb
        descriptors = after.last_descriptors <= BACK * before.last_descriptors
        if (status == 200 and memory and descriptors) or time.monotonic() > deadline:
            return after, status == 200
        time.sleep(0.5)
