"""L8, L9: clients of event streams that come and go, and that stay."""

import threading
from functools import partial

from experiments.reliability import orders, streams
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import Served, serving
from experiments.reliability.target import Answers, Target, call
from store.sql import SqlStore


def _queued(served: Served) -> str:
    """A design that stays queued: the stack has no workers."""
    status, job = call(served.target(), "POST", "/v1/designs", orders.DESIGN)
    assert status == 202, job
    return str(job["id"])


@case("L8", "clients that open an event stream and leave it", {"growth": ("MB", "<= 30")})
def leaving(stack: str, full: bool) -> Measured:
    """200 clients for 10 minutes; the short form has 60 for 20 s."""
    clients, seconds = (200, 600.0) if full else (60, 20.0)
    with serving(stack, workers=0) as served:
        addresses = streams.loopback_addresses(clients)

        def churn(target: Target, seconds: float = seconds) -> Answers:
            seen = streams.churn(target.url, [job], clients=clients, seconds=seconds, addresses=addresses)
            return Answers({"200": seen.opened, "429 or 503": seen.refused, "silent": seen.failed})

        job = _queued(served)
        drill(served, partial(churn, seconds=5.0))  # what the first streams load stays
        done = drill(served, churn)
    return measured(done, growth=done.growth_mb)


@case(
    "L9",
    "steady event streams",
    {"lag-p95": ("s", "<= 2"), "opened": ("of all", "== 1"), "tracebacks": ("in the log", "== 0")},
)
def staying(stack: str, full: bool) -> Measured:
    """1,000 streams for a minute of ten events a second; the short form has 200 for 10 s."""
    clients, seconds = (1000, 60.0) if full else (200, 10.0)
    lags: list[float] = []
    with serving(stack, workers=0) as served:
        job = _queued(served)

        def stay(target: Target) -> Answers:
            with _events(served, job):
                seen = streams.stay(
                    target.url,
                    [job],
                    clients=clients,
                    seconds=seconds,
                    addresses=streams.loopback_addresses(clients),
                )
            lags.append(seen.lag(0.95))
            return Answers({"200": seen.opened, "429 or 503": seen.refused, "silent": seen.failed})

        done = drill(served, stay)
    opened = done.answers["200"] / clients
    return measured(done, lag_p95=lags[0], opened=opened, tracebacks=float(done.tracebacks))


class _events:
    """Ten events a second of a job, recorded as its worker would."""

    def __init__(self, served: Served, job: str) -> None:
        self._store, self._job, self._over = SqlStore(served.database_url), job, threading.Event()
        self._thread = threading.Thread(target=self._record)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._store.close()

    def _record(self) -> None:
        lease = self._store.claim(self._job, worker="drill", lease_seconds=3600.0)
        assert lease is not None
        number = 0
        while not self._over.wait(0.1):
            number += 1
            self._store.record(lease, kind="step", data={"number": number})
        self._store.hand_back(lease)
