"""F17: messages in the broker that no publisher of Netwright writes."""

import time
from functools import partial
from pathlib import Path

import redis

from experiments.reliability import messages, orders
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import Served, serving
from experiments.reliability.target import Answers, Target, call
from workers.queue import QUEUE

GONE_SECONDS = 60.0
DIED = "a process died"


def poison(target: Target, served: Served, count: int, seed: int) -> Answers:
    """Puts malformed messages into the queue and waits until they are gone, or a minute is over."""
    bad = messages.malformed(seed, count, str(canary(served)))
    messages.push(served.broker_url, bad)
    deadline = time.monotonic() + GONE_SECONDS
    with redis.Redis.from_url(served.broker_url) as client:
        while client.llen(QUEUE) and time.monotonic() < deadline:
            time.sleep(0.2)
        return Answers({"put": len(bad), "left": client.llen(QUEUE)})


def canary(served: Served) -> Path:
    """The file that a pickle among the messages would write."""
    return served.folder / "canary"


@case(
    "F17",
    "malformed messages in the broker",
    {
        "workers-restarted": ("times", "<= 1"),
        "left": ("messages", "== 0"),
        "executed": ("pickles", "== 0"),
        "design-behind": ("succeeded", "== 1"),
    },
)
def malformed(stack: str, full: bool) -> Measured:
    """200 messages; the short form has 100. A design is ordered behind them."""
    with serving(stack) as served:
        done = drill(served, partial(poison, served=served, count=200 if full else 100, seed=17))
        _, job = call(served.target(), "POST", "/v1/designs", orders.DESIGN)
        state = orders.ended(served.target(), job["id"])["state"]
        return measured(
            done,
            workers_restarted=float(served.log().count(DIED)),
            left=float(done.answers["left"]),
            executed=float(canary(served).exists()),
            design_behind=float(state == "succeeded"),
        )
