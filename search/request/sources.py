"""Where each quantity of a request comes from: every one has one source.

In this order: ``exact``, computed by the space; the evaluator that the request names, where it can measure
the quantity; ``model``, a prediction. In a study the client's own observations are ``external``. What the
request names in ``evaluator`` goes first: ``{"accuracy": "training", "latency_ms": "model"}``. A quantity
without any source is refused.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from predictors import shipped
from predictors.devices import shipped as shipped_devices
from search.declared_models import MIN_LABELS, observed_keys
from search.evaluator import Bench
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.design_request import DesignRequest
from search.request.evaluation import MODEL, Spec, evaluator_name, evaluator_of
from search.request.quantities import FieldError
from search.request.related_models import BY_COSTS, related_key
from spaces.declared.space import DeclaredSpace
from spaces.known import get_space
from spaces.metric import Quantity
from spaces.registry import NotRegistered

EXACT = "exact"


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model predicts a quantity.

    Args:
        kind: ``device``, ``predictor``, ``task``, ``observations``, ``shipped``, ``related`` (a model of
            another task) or ``costs``.
        name: of the device, the predictor, the task, or a quantity's key.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def model_of(request: DesignRequest, quantity: Quantity) -> ModelName | None:
    """The model that predicts a quantity of a request; None where there is none. Loads none.

    A predictor, a device and a task of the tenant's own, a declared space's observations, a model that
    ships; of an accuracy on an own task, a model of another task, or what costs tell.
    """
    for own in request.predictors:
        if own.key == quantity.key:
            return ModelName("predictor", own.id)
    if any(device.quantity == quantity and device.measurements for device in request.measured):
        return ModelName("device", str(quantity.device))
    if (task := request.predicted_task(quantity)) is not None:
        return ModelName("task", task.name)
    if request.recipe and quantity.device is None:
        return None  # models are of architectures, whatever their recipe
    space = get_space(request.space)
    if isinstance(space, DeclaredSpace):
        observed = quantity.key in observed_keys(space)
        return ModelName("observations", quantity.key) if observed else None
    if quantity.key in shipped.quantities(request.space):
        return ModelName("shipped", quantity.key)
    if request.uploaded is not None and quantity == request.uploaded.quantity:
        if (other := related_key(request.space, quantity)) is not None:
            return ModelName("related", other)
        if request.space in BY_COSTS:
            return ModelName("costs", "parameters and multiply-accumulates")
    return None


def find_sources(
    request: DesignRequest, problem: Problem, options: Mapping[str, Any], bench: Bench
) -> tuple[dict[str, str], list[FieldError]]:
    """The source of each quantity by its key, and what is wrong with those that have none.

    Args:
        request: checked for itself.
        problem: of the request.
        options: evaluator's name → its options; those that are wrong are missing.
        bench: what evaluators work with.
    """
    found: dict[str, str] = {}
    errors: list[FieldError] = []
    reasons: list[FieldError] = []
    for field, quantity in fields_of(request):
        if problem.is_exact(quantity):
            found[quantity.key] = EXACT
            continue
        named = _named(request.evaluator, quantity.metric) if request.evaluations else MODEL
        if named not in (None, MODEL) and named not in options:
            continue  # its options are invalid, which is reported already
        reason = _why_not(problem, quantity, named, options, bench)
        if named not in (None, MODEL) and reason is None:
            found[quantity.key] = str(named)
        elif reason is not None and _is_meant(request.evaluator, quantity):
            errors.append(FieldError(field, *reason))
        elif model_of(request, quantity) is not None:
            found[quantity.key] = MODEL
            if reason is not None:
                reasons.append(FieldError(field, *reason))
            elif named is None:
                hint = f"one of {', '.join(EVALUATORS.names())}"
                reasons.append(FieldError("evaluator", f"names no evaluator for {quantity.metric}", hint))
        else:
            errors.append(_without(request, problem, field, quantity, reason, bench))
    measured = [key for key, source in found.items() if source not in (EXACT, MODEL)]
    if request.evaluations and not measured and not errors and MODEL in found.values():
        hint = "leave evaluations out, or name an evaluator of what they must bring"
        errors = reasons or [
            FieldError("evaluations", "there is nothing that an evaluation would measure", hint)
        ]
    return found, errors


def fields_of(request: DesignRequest) -> list[tuple[str, Quantity]]:
    """Every objective and bound with the field that names it."""
    objectives = [(f"objectives[{index}]", goal.quantity) for index, goal in enumerate(request.objectives)]
    bounds = [(f"constraints[{index}]", bound.quantity) for index, bound in enumerate(request.constraints)]
    return objectives + bounds


def _named(spec: Spec | None, metric: str) -> str | None:
    try:
        return evaluator_name(spec, metric)
    except KeyError:
        return None


def _why_not(
    problem: Problem, quantity: Quantity, named: str | None, options: Mapping[str, Any], bench: Bench
) -> tuple[str, str] | None:
    """Why the evaluator that is named cannot measure a quantity; None where it can, or none is named."""
    if named in (None, MODEL):
        return None
    return EVALUATORS.get(str(named)).why_not(problem, quantity, options[str(named)], bench)


def _is_meant(spec: Spec | None, quantity: Quantity) -> bool:
    """Whether the request asks its evaluator for just this: then no model takes its place unasked."""
    cls = evaluator_of(spec, quantity.metric)
    if cls is None or (quantity.metric not in cls.measures and quantity.own is None):
        return False
    return quantity.device is None or cls.any_device or quantity.device in cls.devices


def _without(
    request: DesignRequest,
    problem: Problem,
    field: str,
    quantity: Quantity,
    reason: tuple[str, str] | None,
    bench: Bench,
) -> FieldError:
    """What is said of a quantity that has no source, and what would give it one."""
    message, hint = reason or (f"no model predicts {quantity.key}", "")
    if reason is not None:
        message += f", and no model predicts {quantity.key}"
    elif request.evaluations and _named(request.evaluator, quantity.metric) != MODEL:
        message = f"names no evaluator for {quantity.metric}, and no model predicts {quantity.key}"
        return FieldError("evaluator", message, what_would(request, problem, quantity, bench))
    further = what_would(request, problem, quantity, bench)
    return FieldError(field, message, "; ".join(part for part in (hint, further) if part))


def what_would(
    request: DesignRequest, problem: Problem, quantity: Quantity, bench: Bench | None = None
) -> str:
    """What would give a quantity a source; without a bench no evaluator would."""
    space = problem.space.network_space
    if isinstance(space, DeclaredSpace):
        keys = list(observed_keys(space))
        hint = f"declare at least {MIN_LABELS} observations of it"
        return hint + (f", or choose {', '.join(keys)}" if keys else "")
    ways = []
    able = _able(problem, quantity, bench) if bench is not None else []
    if able:
        allow = "" if request.evaluations else "allow evaluations, and "
        ways.append(f"{allow}name the evaluator {' or '.join(able)}")
    elif not request.evaluations and bench is not None:
        ways.append("allow evaluations")
    if quantity.metric == shipped_devices.METRIC and space.name in shipped_devices.spaces_with_devices():
        ways.append(f"measure a few architectures on {quantity.device} and add it as a device")
    if keys := shipped.quantities(space.name):
        ways.append(f"choose among {', '.join(keys)}")
    return ", or ".join(ways)


def _able(problem: Problem, quantity: Quantity, bench: Bench) -> list[str]:
    """Evaluators that can measure a quantity as they are without options."""
    found = []
    for name in EVALUATORS.working():
        with suppress(NotRegistered):  # what is in the folder and no evaluator of its own
            cls = EVALUATORS.get(name)
            if cls.why_not(problem, quantity, cls.read_options(None, ""), bench) is None:
                found.append(name)
    return found


def sources_by_quantity(request: DesignRequest) -> dict[str, dict[str, str]]:
    """What a result says of each quantity: its source, and the model where that is one."""
    sources = {}
    for _, quantity in fields_of(request):
        source = request.sources[quantity.key]
        sources[quantity.key] = {"source": source}
        if source == MODEL and (found := model_of(request, quantity)) is not None:
            sources[quantity.key]["model"] = str(found)
    return sources
