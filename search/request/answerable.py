"""Whether a checked request can be answered with the tables, models and generators at hand."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.tables import Tables
from generator import shipped as generators
from networks.options import InvalidOptions
from predictors import shipped
from search.declared_models import MIN_LABELS, observed_keys
from search.evaluator import Bench
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.design_request import DesignRequest, FieldError, InvalidRequest
from search.request.evaluation import evaluator_name, evaluator_of
from spaces.declared.space import DeclaredSpace
from spaces.metric import Quantity
from spaces.space import SPACES, get_space


def check_answerable(request: DesignRequest, tables: Tables, images: Path | None = None) -> None:
    """Refuses what no evaluator, model or generator can answer; loads none of them.

    Args:
        request: checked for itself.
        tables: measured truth.
        images: folder of image data sets.

    Raises:
        InvalidRequest: naming the space, constraint, objective or option, and what is there instead.
    """
    problem = request.problem()
    errors = []
    # The job that designs in a declared space trains its generator where that has not been done; in the space
    # of a plug-in without a generator architectures are proposed by local search.
    declared = isinstance(problem.space.network_space, DeclaredSpace)
    if request.space in SPACES.built_in() and not generators.ships(request.space):
        hint = f"designs are made in {', '.join(generators.spaces())}"
        errors.append(FieldError("space", f"no generator ships for {request.space}", hint))
    options, wrong = _options(request, problem)
    errors += wrong
    if request.recipe and not (request.evaluations and _is_trained(request, problem)):
        able = [name for name in EVALUATORS.working() if EVALUATORS.get(name).takes_recipe]
        hint = f"allow evaluations, and name the evaluator {' or '.join(able)} for the accuracy"
        errors.append(FieldError("recipe", "nothing tells recipes apart but trainings", hint))
    elif request.evaluations and declared:
        hint = "leave it out: the declaration's observations are learned from"
        errors.append(FieldError("evaluations", "a declared space has no evaluators", hint))
    elif request.evaluations:
        errors += _unmeasurable(request, problem, options, Bench(tables, images))
    else:
        for field, quantity in _fields(request):
            if not problem.is_exact(quantity) and (reason := _model_reason(request, quantity)) is not None:
                errors.append(FieldError(field, *reason))
    if errors:
        raise InvalidRequest(errors)


def _is_trained(request: DesignRequest, problem: Problem) -> bool:
    """Whether an evaluator that takes recipes brings something that is asked for."""
    classes = [evaluator_of(request.evaluator, each.metric) for each in problem.to_measure]
    return any(cls is not None and cls.takes_recipe for cls in classes)


def _fields(request: DesignRequest) -> list[tuple[str, Quantity]]:
    objectives = [
        (f"objectives[{index}]", objective.quantity) for index, objective in enumerate(request.objectives)
    ]
    constraints = [
        (f"constraints[{index}]", bound.quantity) for index, bound in enumerate(request.constraints)
    ]
    return objectives + constraints


def _options(request: DesignRequest, problem: Problem) -> tuple[dict[str, Any], list[FieldError]]:
    """Options by evaluator, of those that have any or are needed, and what is wrong in them."""
    names = list(request.evaluator_options)
    if request.evaluations and request.evaluator is not None:
        for _, quantity in _fields(request):
            if not problem.is_exact(quantity):
                with suppress(KeyError):
                    names.append(evaluator_name(request.evaluator, quantity.metric))
    options: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name in dict.fromkeys(names):
        try:
            given = request.evaluator_options.get(name)
            options[name] = EVALUATORS.get(name).read_options(given, f"evaluator_options.{name}")
        except InvalidOptions as error:
            errors += [FieldError(each.field, each.message, each.hint) for each in error.errors]
    return options, errors


def _unmeasurable(
    request: DesignRequest, problem: Problem, options: dict[str, Any], bench: Bench
) -> list[FieldError]:
    """What the evaluators that are named cannot measure here; silent where their options are wrong."""
    errors: list[FieldError] = []
    for field, quantity in _fields(request):
        if problem.is_exact(quantity):
            continue
        try:
            name = evaluator_name(request.evaluator, quantity.metric)
        except KeyError:
            errors.append(FieldError("evaluator", f"names no evaluator for {quantity.metric}"))
            continue
        if name not in options:
            continue
        if (reason := EVALUATORS.get(name).why_not(problem, quantity, options[name], bench)) is not None:
            errors.append(FieldError(field, *reason))
    return errors


def _model_reason(request: DesignRequest, quantity: Quantity) -> tuple[str, str] | None:
    if any(device.quantity == quantity for device in request.measured):
        return None
    if request.predicted_task(quantity) is not None:
        return None
    key, keys = quantity.key, shipped.quantities(request.space)
    space = get_space(request.space)
    if isinstance(space, DeclaredSpace):
        keys = list(observed_keys(space))
        if key not in keys:
            hint = f"declare at least {MIN_LABELS} observations of it"
            return f"no model predicts {key}", hint + (f", or choose {', '.join(keys)}" if keys else "")
    if key in keys:
        return None
    hint = f"allow evaluations, or choose among {', '.join(keys)}" if keys else "allow evaluations"
    return f"no model predicts {key}", hint
