"""The attackers of the mixed load: each does one of the attacks, small enough to be done again and again."""

import itertools
import random
from collections.abc import Callable, Mapping

from experiments.reliability import bodies, connections, orders, races, streams
from experiments.reliability.cases.bodies import ONCE, texts
from experiments.reliability.cases.connections import idle
from experiments.reliability.cases.messages import poison
from experiments.reliability.cases.numbers import extreme
from experiments.reliability.cases.races import equal_writes, until
from experiments.reliability.cases.studies import crowd
from experiments.reliability.cases.unicode import characters
from experiments.reliability.numbers import EXTREME
from experiments.reliability.stack import Served
from experiments.reliability.target import Answers, Target, call

Attack = Callable[[Served, Target, random.Random], Answers]

OBSERVATIONS = 1_000
"""Of each study that is crowded, unless it is small."""


def _leave(served: Served, target: Target, chance: random.Random) -> Answers:
    jobs, addresses = _jobs(target), streams.loopback_addresses(20)
    seen = streams.churn(
        target.url, jobs, clients=20, seconds=10.0, addresses=addresses, seed=chance.randrange(2**31)
    )
    return Answers({"200": seen.opened, "429 or 503": seen.refused, "silent": seen.failed})


def _stay(served: Served, target: Target, chance: random.Random) -> Answers:
    addresses = [f"127.0.{200 + number % 50}.{1 + number}" for number in range(100)]
    seen = streams.stay(target.url, _jobs(target), clients=100, seconds=10.0, addresses=addresses)
    return Answers({"200": seen.opened, "429 or 503": seen.refused, "silent": seen.failed})


def _jobs(target: Target) -> list[str]:
    """Jobs whose events may be read: whatever there is, or one of its own."""
    status, page = call(target, "GET", "/v1/jobs?limit=20")
    found = [str(job["id"]) for job in page["jobs"]] if status == 200 else []
    return found or [str(call(target, "POST", "/v1/designs", orders.DESIGN)[1]["id"])]


def _headers(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.header_flood(target, chance.choice((1, 10)))


def _half(served: Served, target: Target, chance: random.Random) -> Answers:
    answers = connections.half_headers(target, chance.choice((10, 100)), seconds=40.0)
    return Answers({what: n for what, n in answers.items() if not what.startswith("cut_s_")})


def _idle(served: Served, target: Target, chance: random.Random) -> Answers:
    return idle(target, chance.choice((40, 400)), 10.0)


def _body(served: Served, target: Target, chance: random.Random) -> Answers:
    path = chance.choice(("/v1/predict", "/v1/designs", "/v1/spaces", "/v1/batches"))
    return bodies.send_bodies(target, chance.choice(list(bodies.JSON_BODIES)), path, seconds=ONCE)


def _texts(served: Served, target: Target, chance: random.Random) -> Answers:
    answers = bodies.send_declarations(target, chance.choice(list(bodies.DECLARATIONS)), seconds=1.0)
    answers.update(texts(target, chance.choice((100, 10_000))))
    return answers


def _uploads(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.unfinished_uploads(target, chance.choice((2, 20)), chance.choice((1, 60)), 10.0)


def _held(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.held_bodies(target, chance.choice((2, 20)), 15, 10.0)


def _deaf(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.deaf_clients(target, 100, seconds=30.0)


def _pipelined(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.pipelined(target, 1)


def _storm(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.connection_storm(target, 1.0)


_predictor: dict[str, str] = {}


def _races(served: Served, target: Target, chance: random.Random) -> Answers:
    if served.url not in _predictor:
        _predictor[served.url] = races.trained_predictor(target, until)
    number, faults = chance.randrange(2**31), list[str]()
    answers = equal_writes(target, range(number, number + 1), _predictor[served.url], faults)
    answers.update(faults)
    return answers


def _poison(served: Served, target: Target, chance: random.Random) -> Answers:
    return poison(target, served, 20, chance.randrange(2**31))


def _study(served: Served, target: Target, chance: random.Random) -> Answers:
    return crowd(target, chance.choice((100, OBSERVATIONS)), readers=4, seconds=5.0)


def _numbers(served: Served, target: Target, chance: random.Random) -> Answers:
    name = chance.choice(list(EXTREME))
    return extreme(target, {name: EXTREME[name]})


def _foreign(served: Served, target: Target, chance: random.Random) -> Answers:
    return connections.foreign_names(target)


def _characters(served: Served, target: Target, chance: random.Random) -> Answers:
    start = chance.randrange(1000)
    return characters(target, lambda every: itertools.islice(every, start, None, 17))


ATTACKERS: Mapping[str, tuple[Attack, float]] = {
    "streams that leave": (_leave, 2.0),
    "streams that stay": (_stay, 5.0),
    "headers without end": (_headers, 5.0),
    "half headers": (_half, 5.0),
    "idle connections": (_idle, 10.0),
    "connections opened and left": (_storm, 20.0),
    "large bodies": (_body, 3.0),
    "hostile texts": (_texts, 5.0),
    "unfinished uploads": (_uploads, 10.0),
    "unfinished bodies": (_held, 10.0),
    "answers that nobody reads": (_deaf, 10.0),
    "pipelined requests": (_pipelined, 5.0),
    "equal writes": (_races, 30.0),
    "malformed messages": (_poison, 20.0),
    "a study's readers": (_study, 60.0),
    "extreme numbers": (_numbers, 30.0),
    "foreign names": (_foreign, 10.0),
    "bad characters": (_characters, 10.0),
}
"""Each attack, and its mean pause in seconds between two times."""
