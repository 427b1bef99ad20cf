"""Whether a checked request can be answered with the tables, models and generators at hand."""

from dataclasses import replace
from typing import Any

from benchmarks.tables import Tables
from generator import shipped as generators
from networks.images.catalog import Images
from networks.options import InvalidOptions
from search.evaluator import Bench
from search.evaluators import EVALUATORS
from search.problem import Problem
from search.request.design_request import DesignRequest, FieldError, InvalidRequest
from search.request.evaluation import MODEL, evaluator_name, evaluator_of
from search.request.pins import pinned
from search.request.sources import fields_of, find_sources
from spaces.known import SPACES


def check_answerable(request: DesignRequest, tables: Tables, images: Images | None = None) -> DesignRequest:
    """Refuses a request that no evaluator, model or generator can answer; loads none of them.

    Args:
        request: checked for itself.
        tables: measured truth.
        images: image data sets: a folder, or a catalog.

    Returns:
        the request with the source of each quantity

    Raises:
        InvalidRequest: naming the space, constraint, objective or option, and what is there instead.
    """
    problem = request.problem()
    errors = []
    # The job that designs in a declared space trains its generator where that has not been done; in the space
    # of a plug-in without a generator architectures are proposed by local search.
    if request.space in SPACES.built_in() and not generators.ships(request.space):
        hint = f"designs are made in {', '.join(generators.spaces())}"
        errors.append(FieldError("space", f"no generator ships for {request.space}", hint))
    options, wrong = _options(request, problem)
    errors += wrong
    sources: dict[str, str] = {}
    if request.recipe and not (request.evaluations and _is_trained(request, problem)):
        able = [name for name in EVALUATORS.working() if EVALUATORS.get(name).takes_recipe]
        hint = f"allow evaluations, and name the evaluator {' or '.join(able)} for the accuracy"
        errors.append(FieldError("recipe", "only trainings depend on the recipe", hint))
    else:
        sources, without = find_sources(request, problem, options, Bench(tables, images))
        errors += without
    if errors:
        raise InvalidRequest(errors)
    if request.sources:
        return request
    request = replace(request, sources=sources)
    return replace(request, pins=pinned(request))


def _is_trained(request: DesignRequest, problem: Problem) -> bool:
    """Whether an evaluator that takes recipes measures one of the request's quantities."""
    classes = [evaluator_of(request.evaluator, each.metric) for each in problem.to_measure]
    return any(cls is not None and cls.takes_recipe for cls in classes)


def _options(request: DesignRequest, problem: Problem) -> tuple[dict[str, Any], list[FieldError]]:
    """Evaluator → its options, and the errors in them."""
    names = list(request.evaluator_options)
    if request.evaluations and request.evaluator is not None:
        for _, quantity in fields_of(request):
            if (
                not problem.is_exact(quantity)
                and evaluator_of(request.evaluator, quantity.metric) is not None
            ):
                names.append(evaluator_name(request.evaluator, quantity.metric))
    options: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name in dict.fromkeys(names):
        if name == MODEL:
            continue
        try:
            given = request.evaluator_options.get(name)
            options[name] = EVALUATORS.get(name).read_options(given, f"evaluator_options.{name}")
        except InvalidOptions as error:
            errors += [FieldError(each.field, each.message, each.hint) for each in error.errors]
    return options, errors
