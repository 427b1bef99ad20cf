"""All attacks at once beside an honest client, for a long time; every random choice follows from a seed."""

import os
import random
import threading
import time
from dataclasses import dataclass, field

from experiments.reliability import attackers
from experiments.reliability.drill import SETTLE_SECONDS, looked, settled
from experiments.reliability.honest import Diary, HonestClient
from experiments.reliability.invariants import violations
from experiments.reliability.probe import Seen, probing
from experiments.reliability.stack import Served, serving
from experiments.reliability.target import Answers

END_SECONDS = 300.0
"""How long the jobs that were ordered may take to end once the attackers are gone."""
ATTACKERS_NICE = 15
OPERATIONS = ("design", "predict", "study", "upload")


@dataclass
class Mixed:
    """What a mixed hostile load did.

    Args:
        seed: of all random choices.
        calm, hostile: the honest client's diaries, before and meanwhile.
        seen: what a second client saw meanwhile.
        answers: what each attacker got.
        before, after: the API process before and once it had settled.
        wrong: what does not hold of the jobs.
    """

    seed: int
    calm: Diary
    hostile: Diary
    seen: Seen
    answers: dict[str, Answers]
    before: Seen
    after: Seen
    wrong: list[str] = field(default_factory=list)

    def slower(self, operation: str) -> float:
        """The honest client's p95 as a multiple of calm."""
        return self.hostile.p95(operation) / self.calm.p95(operation)

    def memory(self) -> float:
        """The API's memory afterwards, as a multiple of before."""
        return self.after.last_api_mb / max(self.before.last_api_mb, 1.0)

    def descriptors(self) -> float:
        """The API's descriptors afterwards, as a multiple of before."""
        return self.after.last_descriptors / max(self.before.last_descriptors, 1)


def mixed_load(stack: str, *, seconds: float, calm_seconds: float, seed: int) -> Mixed:
    """Runs the attackers for so many seconds, beside an honest client that was watched in calm before.

    Before that, attackers and honest client run as long as the calm lasts: what is loaded once, and caches
    that are full, are no growth.

    Args:
        stack: one of :data:`experiments.reliability.stack.STACKS`.
    """
    with serving(stack, workers=2) as served:
        with HonestClient(served.url) as honest:
            _attack(served, calm_seconds, seed + 1)
            honest.stop()
        violations(served.database_url, [], END_SECONDS)
        time.sleep(SETTLE_SECONDS)
        with HonestClient(served.url) as honest:
            time.sleep(calm_seconds)
            calm = honest.stop()
        before = looked(served, 2.0)
        with probing(served.url, served.pid) as seen, HonestClient(served.url) as honest:
            answers = _attack(served, seconds, seed)
            hostile = honest.stop()
        wrong = violations(served.database_url, [*calm.jobs, *hostile.jobs], END_SECONDS)
        after, answered = settled(served, before)
        wrong += [] if answered else ["the service does not answer"]
        wrong += [f"the API was started {seen.apis - 1} times again"] if seen.apis > 1 else []
    return Mixed(seed, calm, hostile, seen, answers, before, after, wrong)


def _attack(served: Served, seconds: float, seed: int) -> dict[str, Answers]:
    """Every attacker in a thread and from an address of its own, again and again with pauses."""
    deadline = time.monotonic() + seconds
    answers: dict[str, Answers] = {name: Answers() for name in attackers.ATTACKERS}

    def repeat(name: str, attack: attackers.Attack, pause: float, source: str, chance: random.Random) -> None:
        target = served.target(source)
        # In earnest attackers have processors of their own.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), ATTACKERS_NICE)
        while time.monotonic() < deadline:
            try:
                answers[name] += attack(served, target, chance)
            except Exception as error:  # an attacker that fails is noted; the others go on
                answers[name].note(f"{type(error).__name__}: {error}"[:100])
            time.sleep(min(chance.uniform(0, 2 * pause), max(deadline - time.monotonic(), 0)))

    threads = [
        threading.Thread(
            target=repeat,
            args=(name, attack, pause, f"127.0.0.{2 + number}", random.Random(f"{seed} {name}")),
        )
        for number, (name, (attack, pause)) in enumerate(attackers.ATTACKERS.items())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
