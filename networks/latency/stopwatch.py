"""Times a call repeatedly, so that bursts of other load neither change the value nor go unnoticed.

Runs come in blocks with pauses between. A run during which another program took the core away is set aside;
the others, in the order of time, are divided into as many groups. The value is the lowest of the groups'
medians: other load only ever makes a run longer, so the calmest time is the nearest to the machine itself.
The quartiles are those of all runs, disturbed ones included: what a user of this machine got at that time.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from networks.latency.machine import clock, involuntary_switches

MIN_RUNS = 5
"""Runs of a block, and of a group whose median counts, at least."""
LONGEST = 4.0
"""How many times the asked duration undisturbed runs are waited for."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What the stopwatch saw, in milliseconds.

    Args:
        value: lowest median of a group.
        quartiles: of all runs: 25, 50 and 75 %.
        medians: of each group of undisturbed runs; of all runs where hardly any was undisturbed.
        runs: that were timed.
        calm_share: share of them that no other program disturbed.
    """

    value: float
    quartiles: tuple[float, float, float]
    medians: tuple[float, ...]
    runs: int
    calm_share: float

    @property
    def spread(self) -> float:
        """How far the value can be trusted: from the lowest median to their lower quartile, relative.

        The calmest times agree where the machine had quiet moments; where it had none, they do not.
        """
        ordered = sorted(self.medians)
        return ordered[max(1, len(ordered) // 4)] / ordered[0] - 1.0

    def to_dict(self) -> dict[str, object]:
        """Plain JSON."""
        low, middle, high = self.quartiles
        return {
            "value_ms": round(self.value, 6),
            "quartiles_ms": [round(low, 6), round(middle, 6), round(high, 6)],
            "spread": round(self.spread, 5),
            "runs": self.runs,
            "groups": len(self.medians),
            "calm_share": round(self.calm_share, 4),
        }


def measure(
    run: Callable[[], object],
    *,
    seconds: float,
    blocks: int,
    before_block: Callable[[int], object] = lambda index: None,
    should_stop: Callable[[], bool] = lambda: False,
    pause: float | None = None,
) -> Timing | None:
    """Times a call.

    Args:
        run: what is timed; warm already.
        seconds: of timed runs in all, at least.
        blocks: groups of runs.
        before_block: called with each block's number, untimed.
        should_stop: asked before every block.
        pause: seconds between blocks; half a block unless said otherwise.

    Returns:
        None where ``should_stop`` said so.
    """
    share = seconds / blocks
    rest = share / 2 if pause is None else pause
    times: list[float] = []
    calm: list[float] = []
    index, deadline = 0, clock() + LONGEST * seconds
    while index < blocks or (len(calm) < blocks * MIN_RUNS and clock() < deadline):
        if should_stop():
            return None
        if index:
            time.sleep(rest)
        before_block(index)
        run()  # the first one after a pause finds cold caches
        _block(run, share, times, calm)
        index += 1
    # Where nothing was calm the value is what it is, and the spread says so.
    counted = calm if len(calm) >= 3 * MIN_RUNS else times
    medians = tuple(
        statistics.median(group) for group in _groups(counted, min(blocks, len(counted) // MIN_RUNS))
    )
    low, middle, high = (float(q) for q in statistics.quantiles(times, n=4, method="inclusive"))
    return Timing(min(medians), (low, middle, high), medians, len(times), len(calm) / len(times))


def _block(run: Callable[[], object], share: float, times: list[float], calm: list[float]) -> None:
    """Adds the times of a block's runs, in milliseconds, to all and to the undisturbed ones."""
    count, end = 0, clock() + share
    switches = involuntary_switches()
    while count < MIN_RUNS or clock() < end:
        start = clock()
        run()
        taken = 1e3 * (clock() - start)
        now = involuntary_switches()
        times.append(taken)
        if now == switches:
            calm.append(taken)
        switches = now
        count += 1


def _groups(times: Sequence[float], count: int) -> list[Sequence[float]]:
    """Consecutive times in ``count`` groups of about one size."""
    ends = [len(times) * number // count for number in range(count + 1)]
    return [times[start:end] for start, end in pairwise(ends)]
