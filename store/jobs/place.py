"""Which workers may take a job, and which of a tenant's jobs goes first.

Both follow from a job's kind and payload: what its order said stands under :data:`PLACE` at the top of the
payload, where no client writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLACE = "place"
"""In a payload: ``priority`` and ``label``, where they are not the usual ones."""
LEAST_PRIORITY, MOST_PRIORITY = -100, 100
LABEL = "label:"
"""What the queues of jobs begin with that only workers take which name the label."""
TRAINING = "training"
"""The queue of all jobs that train networks, whatever their kind."""
QUEUES = ("dataset", "design", "evaluation", "network", "predictor", "space", TRAINING)
"""What a worker may name besides labels: kinds of jobs, and :data:`TRAINING`."""
GPU = "gpu:"
"""What the roles begin with by which workers with a GPU announce themselves."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job waits.

    Args:
        queue: a kind of job, :data:`TRAINING`, or :data:`LABEL` with a label.
        priority: higher goes first among a tenant's jobs.
    """

    queue: str
    priority: int = 0


def queue_named(name: str) -> str:
    """The queue that a worker's setting, or an order's label, names."""
    return name if name in QUEUES else LABEL + name


def placed(priority: int, label: str | None) -> dict[str, object]:
    """What a payload says of an order's priority and label; nothing where both are the usual ones.

    >>> placed(0, None), placed(5, "large")
    ({}, {'place': {'priority': 5, 'label': 'large'}})
    """
    return {PLACE: {"priority": priority, "label": label}} if priority or label else {}


def inherited(payload: Mapping[str, object]) -> dict[str, object]:
    """What the payload of a job says of it that another job orders.

    >>> inherited({"space": "fbnet", "place": {"priority": 5, "label": None}})
    {'place': {'priority': 5, 'label': None}}
    """
    return {PLACE: payload[PLACE]} if PLACE in payload else {}


def told_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """``priority`` and ``label`` of a payload.

    >>> told_of({"order": {"place": {"priority": 5, "label": None}}}), told_of({})
    ({'priority': 5, 'label': None}, {'priority': 0, 'label': None})
    """
    told = _order(payload).get(PLACE) or {}
    return {"priority": int(told.get("priority") or 0), "label": told.get("label")}


def place_of(kind: str, payload: Mapping[str, Any]) -> Place:
    """Where a job of a kind waits.

    >>> place_of("design", {"evaluator": {"accuracy": "training"}, "evaluations": 4})
    Place(queue='training', priority=0)
    >>> place_of("evaluation", {"request": {"place": {"priority": 5, "label": "large"}}})
    Place(queue='label:large', priority=5)
    """
    told = told_of(payload)
    if told["label"]:
        return Place(queue_named(told["label"]), told["priority"])
    return Place(TRAINING if kind == "network" or _trains(_order(payload)) else kind, told["priority"])


def _order(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """An evaluation carries its design's payload, a network what it was ordered with."""
    found = next((payload[name] for name in ("request", "order") if name in payload), payload)
    return found if isinstance(found, Mapping) else {}


def _trains(order: Mapping[str, Any]) -> bool:
    evaluator = order.get("evaluator")
    named = evaluator.values() if isinstance(evaluator, Mapping) else [evaluator]
    return bool(order.get("evaluations")) and TRAINING in named


@dataclass(frozen=True, slots=True)
class Takes:
    """The queues of which a worker takes jobs.

    Args:
        only: these; None: all but those of labels.
        but: not these.
    """

    only: frozenset[str] | None = None
    but: frozenset[str] = frozenset()

    @classmethod
    def read(cls, text: str) -> "Takes":
        """What a setting names: queues and labels with commas between; an empty text: all without labels.

        >>> Takes.read("training, large").only == {"training", "label:large"}, Takes.read("").only
        (True, None)
        """
        named = [name.strip() for name in text.split(",") if name.strip()]
        return cls(frozenset(map(queue_named, named)) or None)

    def __contains__(self, queue: str) -> bool:
        if queue in self.but:
            return False
        return not queue.startswith(LABEL) if self.only is None else queue in self.only


ALL = Takes()
