"""What clients outside tell of an evaluation, checked against what its design asked."""

from collections.abc import Mapping
from typing import Any

from search.request.design_request import FieldError
from service.http.problems import invalid
from spaces.metric import Direction, Metric, value_fault
from store.external.evaluation import Offer


def told_values(offer: Offer, told: Mapping[str, float]) -> dict[str, float]:
    """Quantity key → value; values go by key, or by metric where only one quantity has it.

    Raises:
        Problem: 422 naming each value that is missing, unknown or impossible.
    """
    asked: Any = offer.order["quantities"]
    errors: list[FieldError] = []
    values: dict[str, float] = {}
    for name, value in told.items():
        keys = [name] if name in asked else [key for key in asked if asked[key]["metric"] == name]
        if len(keys) != 1:
            message = "means several quantities" if keys else "is no quantity that was asked for"
            errors.append(FieldError(f"values.{name}", message, f"they are {', '.join(asked)}"))
            continue
        fault = value_fault(_metric(asked[keys[0]]), value)
        if fault is not None:
            errors.append(FieldError(f"values.{name}", fault, "say failed where it brought no value"))
        values[keys[0]] = value
    missing = [key for key in asked if key not in values]
    if missing and not errors:
        hint = "say failed where the evaluation brought none"
        errors.append(FieldError("values", f"{', '.join(missing)} is missing", hint))
    if errors:
        raise invalid(errors)
    return values


def _metric(asked: Mapping[str, Any]) -> Metric:
    low, high = asked["range"]
    direction = Direction(asked["direction"])
    return Metric(asked["metric"], asked["unit"], direction, asked["metric"], low, high)
