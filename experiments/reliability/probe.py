"""A second client that looks at a service while others attack it, from a process of its own.

Every look asks ``/healthz`` on a new connection and reads memory and descriptors of the service's processes.
In a process of its own, so that the attackers' threads do not slow what measures them.
"""

import math
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from experiments.reliability import processes
from experiments.reliability.target import Answers, Target, call

EVERY_SECONDS = 0.1
WAIT_SECONDS = 20.0
"""A look that has no answer by then counts as that long."""


@dataclass
class Seen:
    """What the looks saw.

    Args:
        latencies_s: of ``/healthz``, look by look.
        unanswered: what looks got that got no 200; each of them counts as :data:`WAIT_SECONDS`.
        api_mb: most memory of the API process.
        children_mb: most memory of the processes below the API.
        descriptors: most descriptors of the API.
        held_mb: most content in temporary files that no folder names.
        apis: how many API processes there were, one after the other.
        last_api_mb, last_descriptors: as they were at the last look.
    """

    latencies_s: list[float] = field(default_factory=list)
    unanswered: Answers = field(default_factory=Answers)
    api_mb: float = 0.0
    children_mb: float = 0.0
    descriptors: int = 0
    held_mb: float = 0.0
    apis: int = 0
    last_api_mb: float = 0.0
    last_descriptors: int = 0

    def percentile_ms(self, percent: float) -> float:
        """A percentile of the latencies as a client would meet them that asks at fixed times.

        One long answer hides the looks that would have been made meanwhile; each of them is counted with the
        rest of the wait (the correction for coordinated omission of HdrHistogram).
        """
        met: list[float] = []
        for seconds in self.latencies_s:
            while seconds > 0:
                met.append(seconds)
                seconds -= EVERY_SECONDS
        met.sort()
        return 1000 * met[min(len(met) - 1, math.ceil(percent / 100 * len(met)) - 1)] if met else 0.0


@contextmanager
def probing(url: str, serve_pid: int) -> Iterator[Seen]:
    """Looks all through the block; what was seen is complete behind it."""
    seen = Seen()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_look_on, args=(theirs, url, serve_pid), daemon=True)
    process.start()
    ours.recv()  # it has looked once
    try:
        yield seen
    finally:
        ours.send("enough")
        if ours.poll(2 * WAIT_SECONDS):
            found = ours.recv()
            for name in Seen.__dataclass_fields__:
                setattr(seen, name, getattr(found, name))
        process.join(WAIT_SECONDS)
        if process.is_alive():
            process.kill()


def _look_on(pipe: Connection, url: str, serve_pid: int) -> None:
    seen, target, apis = Seen(), Target(url), set[int]()
    first = True
    while not pipe.poll(0 if first else EVERY_SECONDS):
        begin = time.perf_counter()
        status, _ = call(target, "GET", "/healthz", seconds=WAIT_SECONDS)
        seconds = time.perf_counter() - begin
        if not first:  # the first connection also loads what connecting needs
            seen.latencies_s.append(WAIT_SECONDS if status != 200 else seconds)
            if status != 200:
                seen.unanswered.note(status)
        _look_at(seen, apis, serve_pid)
        if first:
            first = False
            pipe.send("looking")
    pipe.send(seen)


def _look_at(seen: Seen, apis: set[int], serve_pid: int) -> None:
    found = [pid for pid in processes.children(serve_pid, direct=True) if processes.role(pid) == "api"]
    apis |= set(found)
    seen.apis = len(apis)
    for pid in found[:1]:
        memory, descriptors = processes.memory_mb(pid), processes.descriptors(pid)
        own = processes.children(pid)
        seen.api_mb = max(seen.api_mb, memory)
        seen.children_mb = max(seen.children_mb, sum(processes.memory_mb(child) for child in own))
        seen.descriptors = max(seen.descriptors, descriptors)
        seen.held_mb = max(seen.held_mb, sum(processes.unlinked_mb(each) for each in (pid, *own)))
        seen.last_api_mb, seen.last_descriptors = memory, descriptors
