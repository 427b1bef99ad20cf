"""From a batch as it was sent to its designs: every one checked before anything is stored."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pydantic import ValidationError

from search.request.design_request import FieldError, InvalidRequest
from service.http.problems import MAX_ERRORS, Problem, hint_for, invalid, json_path
from service.operations.designs import Orders
from service.schemas import DesignCreate
from service.schemas.batches import MAX_DESIGNS, BatchCreate
from store.batches.batch import BatchItem

MOST_CHARACTERS = 1 << 16
"""Of a template, and of each value of a grid, as JSON: up to a thousand designs are made of them."""

_STEP = re.compile(r"(?:^|\.)([^.\[\]]+)|\[(\d{1,4})\]")


@dataclass(frozen=True, slots=True)
class _Planned:
    """A design still to be checked: what it is, and where in the request each of its fields stands."""

    body: DesignCreate | dict[str, Any]
    place: str
    axes: Mapping[str, int] = field(default_factory=dict)
    varied: dict[str, Any] | None = None

    def field(self, name: str) -> str:
        """The request's field that gave a field of the design."""
        for axis, index in self.axes.items():
            if name == axis or name.startswith((f"{axis}.", f"{axis}[")):
                return f"grid.{axis}[{index}]{name[len(axis) :]}"
        return self.place if name == "body" else f"{self.place}.{name}"

    def message(self, error: FieldError) -> str:
        """What is wrong, and in which combination."""
        if not self.varied or self.field(error.field).startswith("grid."):
            return error.message
        given = ", ".join(f"{axis} {value!r:.60}" for axis, value in self.varied.items())
        return f"{error.message} (with {given})"


def batch_items(batch: BatchCreate, orders: Orders) -> list[BatchItem]:
    """The batch's children.

    Raises:
        Problem: 422 with what is wrong in all designs together, each as the request's own field.
    """
    errors: dict[tuple[str, str], FieldError] = {}
    items = []
    for planned in _planned(batch):
        try:
            order = orders.check(_design(planned.body))
        except (InvalidRequest, Problem) as refused:
            if isinstance(refused, Problem) and refused.status_code != 422:
                raise
            for error in refused.errors:
                problem = FieldError(planned.field(error.field), planned.message(error), error.hint)
                errors.setdefault((problem.field, problem.message), problem)
            if len(errors) >= MAX_ERRORS:
                break
            continue
        label: dict[str, object] = {"space": order.request.space, "task": order.request.task}
        label |= {} if planned.varied is None else {"varied": planned.varied}
        items.append(BatchItem(order.payload, order.request.evaluations, label))
    if errors:
        raise invalid(list(errors.values()))
    return items


def _design(body: DesignCreate | dict[str, Any]) -> DesignCreate:
    if isinstance(body, DesignCreate):
        return body
    try:
        return DesignCreate.model_validate(body)
    except ValidationError as error:
        raise invalid(
            [FieldError(json_path(item["loc"], body), item["msg"], hint_for(item)) for item in error.errors()]
        ) from None


def _planned(batch: BatchCreate) -> Iterator[_Planned]:
    if batch.designs:
        if batch.template is not None or batch.grid is not None:
            both = "a batch is either designs, or a template and a grid"
            raise invalid([FieldError("designs", both, "send two batches")])
        yield from (_Planned(body, f"designs[{index}]") for index, body in enumerate(batch.designs))
        return
    if batch.template is None or batch.grid is None:
        missing = "designs" if batch.template is batch.grid else "grid" if batch.grid is None else "template"
        hint = "give designs, or a template and a grid"
        raise invalid([FieldError(missing, "a batch needs at least one design", hint)])
    count = math.prod(len(values) for values in batch.grid.values())
    if count > MAX_DESIGNS:
        much = f"the grid has {count} combinations; a batch holds {MAX_DESIGNS} designs at most"
        raise invalid([FieldError("grid", much, "send it in parts")])
    _check_sizes(batch.template, batch.grid)
    axes = list(batch.grid)
    _check_axes(batch.template, axes)
    for indices in product(*(range(len(values)) for values in batch.grid.values())):
        chosen = dict(zip(axes, indices, strict=True))
        varied = {axis: batch.grid[axis][index] for axis, index in chosen.items()}
        body: Any = batch.template
        for axis, value in varied.items():
            body = _put(body, _steps(axis), value)
        yield _Planned(body, "template", chosen, varied)


def _check_sizes(template: dict[str, Any], grid: Mapping[str, list[Any]]) -> None:
    """Refuses what is longer than any design, before it is read a thousand times."""
    parts = {f"grid.{axis}[{index}]": value for axis in grid for index, value in enumerate(grid[axis])}
    errors = [
        FieldError(place, "it is longer than any design", f"at most {MOST_CHARACTERS:,} characters of JSON")
        for place, value in {"template": template, **parts}.items()
        if len(json.dumps(value)) > MOST_CHARACTERS
    ]
    if errors:
        raise invalid(errors)


def _check_axes(template: dict[str, Any], axes: list[str]) -> None:
    """Refuses names of the grid that are no place in the template."""
    errors = []
    for axis in axes:
        steps = _steps(axis)
        if not steps:
            hint = "such as task, or constraints[0].max"
            errors.append(FieldError(f"grid.{axis}", f"{axis!r} is not written like a field", hint))
        elif (place := _missing(template, steps)) is not None:
            hint = "write it into the template first"
            errors.append(FieldError(f"grid.{axis}", f"the template has no {place}", hint))
        elif any(other != axis and axis.startswith((f"{other}.", f"{other}[")) for other in axes):
            hint = "vary the whole field, or its parts"
            errors.append(FieldError(f"grid.{axis}", "another name of the grid holds this field", hint))
    if errors:
        raise invalid(errors)


def _steps(axis: str) -> list[str | int]:
    """Names and indices of a path; empty where it is none.

    >>> _steps("constraints[0].max"), _steps("a..b"), _steps("[0]")
    (['constraints', 0, 'max'], [], [])
    """
    found = list(_STEP.finditer(axis))
    if "".join(match.group() for match in found) != axis or axis.startswith(("[", ".")):
        return []
    return [match.group(1) if match.group(1) is not None else int(match.group(2)) for match in found]


def _missing(template: dict[str, Any], steps: list[str | int]) -> str | None:
    """The first part of the way that the template lacks; the last name of an object may be new."""
    node: Any = template
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        if isinstance(step, int):
            if not isinstance(node, list) or step >= len(node):
                return json_path(steps[: number + 1])
        elif not isinstance(node, dict) or (step not in node and not last):
            return json_path(steps[: number + 1])
        if not last:
            node = node[step]
    return None


def _put(body: Any, steps: list[str | int], value: Any) -> Any:
    """The body with another value at a place; copies what lies on the way there and shares the rest.

    >>> _put({"a": [{"b": 1}], "c": 2}, ["a", 0, "b"], 3)
    {'a': [{'b': 3}], 'c': 2}
    """
    if not steps:
        return value
    step, *rest = steps
    changed = body.copy()
    changed[step] = _put(body[step] if rest else None, rest, value)
    return changed
