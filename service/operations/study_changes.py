"""Changes of an open study: its request read again with other bounds or fixed variables."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from search.request.design_request import DesignRequest
from search.request.evaluation import EXTERNAL, MODEL
from search.study import parse_study
from service.operations.devices import named_devices
from service.operations.studies import request_of
from spaces.metric import Constraint
from store.port import Store
from store.studies.study import Study

SAME = (
    "space", "task", "confidence", "seed", "strategy", "flat", "distinct", "resolution", "knowledge",
    "exploration", "fixed",
)  # fmt: skip


def changed_request(study: Study, change: Mapping[str, Any], store: Store, tenant: str) -> DesignRequest:
    """The request of a study with ``constraints`` or ``fixed`` in the place of its own.

    Each quantity keeps its source, and the models that the search began with stay.

    Raises:
        InvalidRequest: as for a new study, naming the field.
    """
    before = request_of(study)
    sources = {key.partition("@")[0]: source for key, source in before.sources.items()}
    body: dict[str, object] = {name: getattr(before, name) for name in SAME}
    body |= {
        "objectives": [_quantity(goal.quantity) for goal in before.objectives],
        "constraints": [_bound(bound) for bound in before.constraints],
        "evaluator": {metric: source for metric, source in sources.items() if source in (EXTERNAL, MODEL)}
        or None,
    }
    if before.recipe:
        body["recipe"] = {name: list(choices) for name, choices in before.recipe}
    body |= change
    names = [item.get("device") for item in change.get("constraints", [])]
    known = {device.quantity for device in before.measured}
    more = [d for d in named_devices(store, tenant, before.space, names) if d.quantity not in known]
    found = parse_study(body, before.uploaded, [*before.measured, *more], lambda _: before.predictors)
    return replace(found, pins={**found.pins, **before.pins})


def _quantity(quantity: Any) -> dict[str, object]:
    named = {"metric": quantity.metric, "task": quantity.task, "device": quantity.device}
    return {name: value for name, value in named.items() if value is not None}


def _bound(bound: Constraint) -> dict[str, object]:
    return {**_quantity(bound.quantity), "min": bound.min, "max": bound.max}
