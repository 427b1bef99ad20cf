"""Server-sent events, read from the lines of an HTTP answer (WHATWG HTML, section 9.2)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job.

    Args:
        id: 1, 2, 3 … for each job.
        kind: ``state`` for a change of state, else what the work did.
        data: what is known about it.
    """

    id: int
    kind: str
    data: dict[str, Any]

    @property
    def ended(self) -> bool:
        """Whether the job has reached its last state."""
        return self.kind == "state" and self.data.get("state") in TERMINAL


TERMINAL = frozenset({"succeeded", "failed", "cancelled", "infeasible"})


def read_events(lines: Iterable[str]) -> Iterator[JobEvent]:
    """The events in the lines of a stream; comments and unfinished events are left out.

    >>> list(read_events([": ping", "", "id: 3", "event: state", 'data: {"state": "running"}', ""]))
    [JobEvent(id=3, kind='state', data={'state': 'running'})]
    """
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        if "data" in fields and "id" in fields:
            kind = fields.get("event", ["message"])[-1]
            yield JobEvent(int(fields["id"][-1]), kind, json.loads("\n".join(fields["data"])))
        fields = {}
