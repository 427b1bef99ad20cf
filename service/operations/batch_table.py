"""A batch's results as one table: a row for each design, task × device × bound, with its best."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from store.batches.batch import BatchChild
from store.jobs.job import Job
from store.port import Store

PAGE = 20
"""Results read at a time; each may hold a thousand architectures, of which the table shows one."""


def batch_rows(store: Store, job: Job) -> Iterator[dict[str, Any]]:
    """The rows of a batch, in the order of its designs; what has not ended has no architecture yet."""
    after, more = -1, True
    while more:
        page, more = store.children(job.id, tenant_id=job.tenant_id, after=after, limit=PAGE, results=True)
        yield from map(_row, page)
        after = page[-1].position if page else after


def _row(child: BatchChild) -> dict[str, Any]:
    payload: Any = child.job.payload
    result: Any = child.result or {}
    bounds = {
        _key(bound): {"min": bound.get("min"), "max": bound.get("max")}
        for bound in payload.get("constraints") or ()
    }
    named = [*(payload.get("constraints") or ()), *(payload.get("objectives") or ())]
    best = next(iter(result.get("architectures") or ()), None) or {}
    nearest = result.get("nearest") or {}
    return {
        "index": child.position,
        "job": child.job.id,
        "name": payload.get("name"),
        "state": child.job.public_state,
        "reason": child.job.reason,
        "space": child.label.get("space"),
        "task": child.label.get("task"),
        "devices": list(dict.fromkeys(item["device"] for item in named if item.get("device"))),
        "bounds": bounds,
        "architecture": best.get("architecture"),
        "feasible_probability": best.get("feasible_probability"),
        "values": best.get("metrics") or {},
        "evaluated": result.get("evaluated"),
        "origins": origins(best),
        "nearest": nearest.get("architecture"),
    }


def origins(row: dict[str, Any]) -> list[str]:
    """Ids of the jobs that evaluated an architecture of a result, each once."""
    trainings = [
        training
        for part in (row.get("evaluation") or {}).values()
        if isinstance(part, dict)
        for training in part.get("trainings") or ()
    ]
    return list(dict.fromkeys(training["origin"] for training in trainings if "origin" in training))


def _key(bound: dict[str, Any]) -> str:
    parts = (bound["metric"], bound.get("device"), bound.get("task"))
    return "@".join(part for part in parts if part is not None)


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as CSV (RFC 4180): a column for each end of a bound, and four for each quantity."""
    ends = list(
        dict.fromkeys(
            (key, end)
            for row in rows
            for key, ends in row["bounds"].items()
            for end in ends
            if ends[end] is not None
        )
    )
    keys = list(dict.fromkeys(key for row in rows for key in row["values"]))
    parts = (("mean", ""), ("lower", " lower"), ("upper", " upper"), ("source", " source"))
    plain = ["index", "job", "name", "state", "space", "task"]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(
        [
            *plain,
            "device",
            *(f"{key} {end}" for key, end in ends),
            "architecture",
            "feasible_probability",
            *(f"{key}{suffix}" for key in keys for _, suffix in parts),
            *("evaluated", "origin", "nearest", "reason"),
        ]
    )
    for row in rows:
        writer.writerow(
            [
                *(row[name] for name in plain),
                " ".join(row["devices"]),
                *(row["bounds"].get(key, {}).get(end) for key, end in ends),
                row["architecture"],
                row["feasible_probability"],
                *(row["values"].get(key, {}).get(part) for key in keys for part, _ in parts),
                row["evaluated"],
                " ".join(row["origins"]),
                row["nearest"],
                row["reason"],
            ]
        )
    return text.getvalue()
