"""What a study searches for, as others ask and tell it: requests and observations, checked."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from predictors.devices.measured import MeasuredDevice
from search.abilities import AcceptsPrior, AcceptsPriors
from search.knowledge import Knowledge, knowledge_of
from search.models import searched_problem
from search.problem import Problem
from search.request.design_request import DesignRequest, parse_request
from search.request.evaluation import EXTERNAL, MODEL
from search.request.own_predictor import OwnPredictor
from search.request.pins import check_pins, pinned
from search.request.quantities import ON_DEVICE, FieldError, InvalidRequest
from search.request.sources import EXACT, fields_of, model_of, what_would
from search.request.uploaded_task import UploadedTask
from search.strategies import STRATEGIES
from search.strategy import FULL, Strategy
from spaces.known import get_space
from spaces.metric import METRICS, MOST, Observation, Quantity, value_fault
from store.studies.study import RUN, STD

if TYPE_CHECKING:
    from store.blobs.blobs import Blobs

FIELDS = (
    "space", "task", "constraints", "objectives", "confidence", "seed", "strategy", "flat", "distinct",
    "recipe", "resolution", "knowledge", "evaluator", "exploration", "fixed",
)  # fmt: skip
SAME = 1e-6
"""How far, relative to it, a told value may lie from the exact one."""


def parse_study(
    body: Mapping[str, object],
    uploaded: UploadedTask | None = None,
    measured: Sequence[MeasuredDevice] = (),
    trained: Callable[[DesignRequest], tuple[OwnPredictor, ...]] = lambda request: (),
) -> DesignRequest:
    """A checked study from a JSON object: a design request without evaluations.

    Whoever drives a study measures for himself, so a device may have any name.

    Args:
        body: as a client sent it.
        uploaded: the task that may be named besides the space's own.
        measured: the tenant's own devices among those that are named.
        trained: finds the tenant's own predictors for a request.

    Raises:
        InvalidRequest: with every error found, each naming its field.
    """
    unknown = [name for name in body if name not in FIELDS]
    if unknown:
        hint = f"the fields are {', '.join(FIELDS)}"
        raise InvalidRequest([FieldError(str(name), "unknown field", hint) for name in unknown])
    # Whoever drives the study measures: any task, any device, every metric.
    request = parse_request({**body, "evaluator": EXTERNAL}, measured, uploaded)
    request = replace(request, predictors=trained(request))
    request = replace(request, sources=_sources(request, body.get("evaluator")))
    return replace(request, pins=pinned(request))


def _sources(request: DesignRequest, named: object) -> dict[str, str]:
    """The source of each quantity: what its client tells, or a model until he does.

    A latency, throughput or energy that a model predicts need not be told; an accuracy is the client's unless
    the model is named.

    Raises:
        InvalidRequest: what is named is no source, or no model predicts it.
    """
    spec = named if isinstance(named, Mapping) else {}
    hint = f'{{"latency_ms": "{MODEL}"}}; the sources of a study are {EXTERNAL} and {MODEL}'
    errors, own = [], get_space(request.space).own_metrics
    if named is not None and named != EXTERNAL and not isinstance(named, Mapping):
        errors.append(FieldError("evaluator", f"{named!r} is no source of a study", hint))
    for metric, source in spec.items():
        if metric not in METRICS and metric not in own:
            message, known = f"{metric!r} is no metric", f"metrics are {', '.join((*own, *METRICS))}"
            errors.append(FieldError(f"evaluator.{metric}", message, known))
        elif source not in (MODEL, EXTERNAL):
            errors.append(FieldError(f"evaluator.{metric}", f"{source!r} is no source of a study", hint))
    problem, found = request.problem(), dict[str, str]()
    for field, quantity in fields_of(request):
        model = model_of(request, quantity)
        by_default = MODEL if model is not None and quantity.metric in ON_DEVICE else EXTERNAL
        source = EXTERNAL if named == EXTERNAL else str(spec.get(quantity.metric, by_default))
        found[quantity.key] = EXACT if problem.is_exact(quantity) else source
        if found[quantity.key] == MODEL and model is None:
            ways = what_would(request, problem, quantity)
            errors.append(FieldError(field, f"no model predicts {quantity.key}", ways or "tell it yourself"))
    if errors:
        raise InvalidRequest(errors)
    return found


def strategy_of(
    request: DesignRequest, blobs: "Callable[[], Blobs] | None", problem: Problem | None = None
) -> Strategy:
    """The strategy of a request: it knows no observation yet, of an uploaded task the prior.

    Args:
        request: checked.
        blobs: where embeddings of tasks lie.
        problem: of the request, where it is known already.

    Raises:
        EmbeddingGone: the task's embedding cannot be read.
    """
    return begun(request, blobs, problem)[0]


def begun(
    request: DesignRequest, blobs: "Callable[[], Blobs] | None", problem: Problem | None = None
) -> tuple[Strategy, Knowledge]:
    """The strategy of a request and the priors that it was given, where it has use for them.

    Args:
        request: checked.
        blobs: where embeddings of tasks lie.
        problem: as the search has it, where it is made already.
    """
    check_pins(request)
    problem = problem or searched_problem(request, blobs)
    strategy = STRATEGIES.get(request.strategy)(problem, seed=request.seed, flat=request.flat)
    knowledge = knowledge_of(request, problem, blobs)
    first = knowledge.priors.get(problem.objectives[0].key)
    if isinstance(strategy, AcceptsPriors):
        strategy.accept_priors(knowledge.priors)
    elif isinstance(strategy, AcceptsPrior) and first is not None:
        strategy.accept_prior(first)
    return strategy, knowledge


def read_observations(
    problem: Problem, items: Sequence[Mapping[str, Any]], tracked: Collection[str] = ()
) -> list[Observation]:
    """Observations as a client told them, with canonical strings and with exact costs filled in.

    Some of the values suffice: the others may come later.

    Args:
        problem: says which quantities there are.
        items: objects with ``architecture`` (canonical), ``values`` or ``failed``, ``fidelity``, ``seconds``,
            ``std`` (key → standard deviation of the value) and ``run``.
        tracked: names of values that are kept and that nothing follows from.

    Raises:
        InvalidRequest: naming each value that is no quantity of the study, is missing or is impossible.
    """
    errors: list[FieldError] = []
    found = []
    for index, item in enumerate(items):
        path = f"observations[{index}]"
        values, details = _values(problem, item, path, errors, tracked)
        if item.get("run") is not None:
            details[RUN] = item["run"]
        found.append(
            Observation(
                item["architecture"],
                {} if item.get("failed") is not None else values,
                "told",
                item.get("failed"),
                item.get("fidelity") or FULL,
                float(item.get("seconds") or 0.0),
                details,
            )
        )
    if errors:
        raise InvalidRequest(errors)
    codes = problem.space.parse_many([observation.architecture for observation in found])
    for quantity in problem.quantities:
        if problem.is_exact(quantity):
            exact = problem.exact(quantity, codes).tolist()
            for index, (observation, value) in enumerate(zip(found, exact, strict=True)):
                if observation.failed is not None:
                    continue
                reported = observation.values.get(quantity.key, value)
                if not math.isclose(reported, value, rel_tol=SAME):
                    field = f"observations[{index}].values.{quantity.key}"
                    message = f"{reported:g} was reported, and {observation.architecture} has {value:g}"
                    hint = "it is known exactly; leave it out"
                    errors.append(FieldError(field, message, hint))
                observation.values[quantity.key] = value
    if errors:
        raise InvalidRequest(errors)
    return found


def _values(
    problem: Problem,
    item: Mapping[str, Any],
    path: str,
    errors: list[FieldError],
    tracked: Collection[str],
) -> tuple[dict[str, float], dict[str, object]]:
    """Quantity key → value, and details with the standard deviations; what is wrong joins ``errors``."""
    told: Mapping[str, float] | None = item.get("values")
    failed = item.get("failed")
    if (told is None) == (failed is None):
        errors.append(FieldError(path, "needs either values or the reason why it failed", "give one of them"))
        return {}, {}
    if told is None:
        return {}, {}
    values: dict[str, float] = {}
    keys: dict[str, str] = {}
    for name, value in told.items():
        quantity = _quantity(problem, name)
        field = f"{path}.values.{name}"
        if quantity is None and name in tracked:
            if not math.isfinite(value) or abs(value) > MOST:
                errors.append(FieldError(field, f"is {value:g}", f"a finite number up to {MOST:g}"))
            values[name], keys[name] = value, name
            continue
        if quantity is None:
            of_metric = [entry.key for entry in problem.quantities if entry.metric == name]
            message = "means several quantities" if of_metric else "is no quantity of this study"
            known = ", ".join(of_metric or [*(entry.key for entry in problem.quantities), *tracked])
            errors.append(FieldError(field, message, f"they are {known}"))
            continue
        fault = value_fault(quantity.definition, value)
        if fault is not None:
            hint = "say failed where the evaluation brought no value"
            errors.append(FieldError(field, fault, hint))
        if quantity.key in values:
            errors.append(FieldError(field, f"{quantity.key} is given twice", "by its key or by its metric"))
        values[quantity.key], keys[name] = value, quantity.key
    if not values:
        hint = "give at least one value, or say failed where the evaluation brought none"
        errors.append(FieldError(f"{path}.values", "tells nothing", hint))
    return values, _deviations(item.get("std") or {}, keys, path, errors)


def _deviations(
    given: Mapping[str, float], keys: Mapping[str, str], path: str, errors: list[FieldError]
) -> dict[str, object]:
    """Standard deviations of told values, by quantity key, as a detail."""
    found = {}
    for name, std in given.items():
        field = f"{path}.std.{name}"
        if name not in keys:
            errors.append(FieldError(field, "is no value of this observation", f"one of {', '.join(keys)}"))
        elif not (math.isfinite(std) and 0 <= std <= MOST):
            errors.append(FieldError(field, f"is {std:g} and no standard deviation", "0 or more"))
        else:
            found[keys[name]] = std
    return {STD: found} if found else {}


def _quantity(problem: Problem, name: str) -> Quantity | None:
    """The quantity of a key, or of a bare metric that only one of them has."""
    by_key = [quantity for quantity in problem.quantities if quantity.key == name]
    by_metric = [quantity for quantity in problem.quantities if quantity.metric == name]
    found = by_key or (by_metric if len(by_metric) == 1 else [])
    return found[0] if found else None
