"""Every evaluation of a design: when, by what, what it brought, and what was predicted before it."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spaces.metric import Observation
from store.jobs.job import Event, Job
from store.port import Store

OBSERVED = "observed"
PAGE = 500
FIXED = ("number", "architecture", "at", "source", "client_id", "seconds", "fidelity", "failed")
PREDICTED = ("mean", "std", "lower", "upper")


def evaluations_of(store: Store, job: Job) -> Iterator[dict[str, Any]]:
    """The evaluations of a job in the order in which they ended; none of a job that evaluates nothing."""
    told = _told(store, job)
    for number, observation in enumerate(store.observations(job.id), start=1):
        event = next(told, None)
        yield _row(number, observation, event)


def _told(store: Store, job: Job) -> Iterator[Event]:
    """The events of the evaluations; each was stored together with its observation."""
    after = 0
    while page := store.events(job.id, tenant_id=job.tenant_id, after=after, limit=PAGE):
        yield from (event for event in page if event.kind == OBSERVED)
        after = page[-1].id


def _row(number: int, observation: Observation, event: Event | None) -> dict[str, Any]:
    details: Mapping[str, Any] = observation.details
    outside = details.get("external")
    predicted = {} if event is None else event.data.get("predicted") or {}
    return {
        "number": number,
        "architecture": observation.architecture,
        "at": None if event is None else event.at.isoformat(),
        "source": observation.source,
        "client_id": outside.get("client_id") if isinstance(outside, Mapping) else None,
        "seconds": observation.seconds,
        "fidelity": observation.fidelity,
        "failed": observation.failed,
        "values": dict(observation.values),
        "predicted": predicted,
    }


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a column for each quantity, and ``QUANTITY:mean`` … for what was predicted of it before."""
    found = list(rows)
    keys = list(dict.fromkeys(key for row in found for key in row["values"]))
    before = list(dict.fromkeys(key for row in found for key in row["predicted"]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*FIXED, *keys, *(f"{key}:{name}" for key in before for name in PREDICTED)])
    for row in found:
        cells = [row[name] for name in FIXED] + [row["values"].get(key) for key in keys]
        cells += [(row["predicted"].get(key) or {}).get(name) for key in before for name in PREDICTED]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()
