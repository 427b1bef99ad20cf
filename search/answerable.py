"""Whether a checked request can be answered with the tables, models and generators at hand."""

from benchmarks.tables import Tables
from generator import shipped as generators
from predictors import shipped
from search.problem import Problem
from search.request import DesignRequest, FieldError, InvalidRequest
from spaces.metric import Quantity


def check_answerable(request: DesignRequest, tables: Tables) -> None:
    """Refuses what no table, model or generator can answer; loads none of them.

    Raises:
        InvalidRequest: naming the space, constraint or objective, and what is there instead.
    """
    problem = Problem.of(request)
    errors = []
    if not generators.ships(request.space):
        hint = f"designs are made in {', '.join(generators.spaces())}"
        errors.append(FieldError("space", f"no generator ships for {request.space}", hint))
    for field, quantity in _fields(request):
        if problem.is_exact(quantity):
            continue
        reason = (
            _table_reason(request.space, quantity.key, tables)
            if request.evaluations
            else _model_reason(request, quantity)
        )
        if reason is not None:
            errors.append(FieldError(field, *reason))
    if errors:
        raise InvalidRequest(errors)


def _fields(request: DesignRequest) -> list[tuple[str, Quantity]]:
    objectives = [
        (f"objectives[{index}]", objective.quantity) for index, objective in enumerate(request.objectives)
    ]
    constraints = [
        (f"constraints[{index}]", bound.quantity) for index, bound in enumerate(request.constraints)
    ]
    return objectives + constraints


def _table_reason(space: str, key: str, tables: Tables) -> tuple[str, str] | None:
    keys = [column.key for column in tables.columns(space)]
    if key not in keys:
        return f"no table holds {key}", f"the tables of {space} hold {', '.join(keys)}"
    unavailable = tables.available(space, key)
    return None if unavailable is None else (f"{key} cannot be measured: {unavailable}", "")


def _model_reason(request: DesignRequest, quantity: Quantity) -> tuple[str, str] | None:
    if any(device.quantity == quantity for device in request.measured):
        return None
    key, keys = quantity.key, shipped.quantities(request.space)
    if key in keys:
        return None
    hint = f"allow evaluations, or choose among {', '.join(keys)}" if keys else "allow evaluations"
    return f"no model predicts {key}", hint
