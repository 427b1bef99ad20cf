"""Malformed messages in the broker's list, as anyone who reaches the broker can put there."""

import base64
import json
import random
import uuid
from typing import Any

from store.database.ids import new_id
from workers.queue import QUEUE, TASK

BEGINNING = 1.7e9
"""Of the ids of jobs that do not exist."""


def envelope(body: bytes | None = None, **headers: object) -> dict[str, Any]:
    """A message as a relay sends it, for a job that does not exist, with another body or further headers."""
    name = str(uuid.uuid4())
    content = json.dumps([[new_id(BEGINNING)], {}, {"callbacks": None}]).encode() if body is None else body
    return {
        "body": base64.b64encode(content).decode(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"lang": "py", "task": TASK, "id": name, "root_id": name, **headers},
        "properties": {
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "delivery_tag": name,
            "correlation_id": name,
        },
    }


def _without(*path: str) -> dict[str, Any]:
    """An envelope that lacks something."""
    made = envelope()
    place = made
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return made


def _with(value: object, *path: str) -> dict[str, Any]:
    """An envelope that has something else in a place."""
    made = envelope()
    place = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return made


def _bodies(canary: str) -> list[bytes]:
    pickled = b"cposix\nsystem\n(V" + f"touch {canary}".encode() + b"\ntR."
    return [
        b"",
        b"\xff\xfe",
        b"{",
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b"[[], {}, {}]",
        b"[[1], {}, {}]",
        b'[["a", "b"], {}, {}]',
        b'[["not an id"], {}, {}]',
        b'[{"job_id": "a"}, {}, {}]',
        b'[["a"], {"more": 1}, {}]',
        b"[" * 100_000,
        b'[["' + b"a" * 1_000_000 + b'"], {}, {}]',
        b'{"__type__": "datetime", "__value__": "never"}',
        pickled,
    ]


def malformed(seed: int, count: int, canary: str) -> list[bytes]:
    """So many different messages that must neither end a worker nor be executed.

    Args:
        canary: a path that a pickle among them would create if it were ever loaded.
    """
    chance = random.Random(seed)
    whole = json.dumps(envelope()).encode()
    kinds = ("application/x-python-serialize", "application/x-yaml", "application/data", "", "x/y", None)
    bodies = _bodies(canary)
    job = new_id(BEGINNING)
    after = {"callbacks": [{"task": "celery.backend_cleanup", "args": [], "kwargs": {}}]}
    texts: tuple[Any, ...] = (None, [], "text", 1)
    bad: tuple[Any, ...] = (None, 1, [], {}, "", "not base64!", "YQ", "é")
    tasks: tuple[Any, ...] = (None, 1, [], "celery.chord_unlock", "nothing.known")
    made: list[object] = [
        b"",
        b"text",
        b"\xff\xff\xff",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b"[" * 100_000,
        *(whole[: chance.randrange(1, len(whole))] for _ in range(10)),
        *(envelope(body) for body in bodies),
        *({**envelope(bodies[-1]), "content-type": kind} for kind in kinds),
        *(_without(*path) for path in (("headers",), ("properties",), ("body",), ("content-type",))),
        *(_without("properties", name) for name in ("delivery_tag", "delivery_info", "body_encoding")),
        *(_without("headers", name) for name in ("task", "id")),
        *(_with(value, "headers") for value in texts),
        *(_with(value, "properties") for value in (*texts, {})),
        *(_with(value, "body") for value in bad),
        *(_with(value, "headers", "task") for value in tasks),
        *(_with(value, "headers", "eta") for value in ("never", 1, "9999-01-01T00:00:00+00:00")),
        *(_with(value, "headers", "expires") for value in ("never", 1.5, "1970-01-01T00:00:00+00:00")),
        *(_with(value, "headers", "compression") for value in ("bzip2", "nothing", 1)),
        *(_with(value, "headers", "timelimit") for value in ("a", [1], ["a", "b"])),
        *(_with(value, "content-encoding") for value in (None, 1, "utf-99", "binary")),
        envelope(json.dumps([[job], {}, after]).encode()),
        envelope(json.dumps([[job], {}, "text"]).encode(), retries="many", group=1, chord=2),
        envelope(replaced_task_nesting="deep", stamped_headers=5, stamps=3, ignore_result="x"),
    ]
    written = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in made]
    while len(written) < count:  # of a good one, a few bytes that are others
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 5)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        written.append(bytes(broken))
    chance.shuffle(written)
    return written[:count] if count < len(written) else written


def push(broker_url: str, messages: list[bytes]) -> None:
    """Puts messages into the list from which workers take theirs."""
    import redis

    with redis.Redis.from_url(broker_url) as client:
        for message in messages:
            client.lpush(QUEUE, message)
