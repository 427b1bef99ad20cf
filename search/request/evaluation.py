"""Which evaluator measures what, as a request says it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from networks.options import InvalidOptions, OptionError
from search.evaluator import NamedEvaluator
from search.evaluators import EVALUATORS
from spaces.metric import METRICS
from spaces.registry import NotRegistered

Spec = str | dict[str, str]
"""An evaluator's name, or metric → evaluator's name."""

MODEL, EXTERNAL = "model", "external"
"""A prediction, which no evaluator brings; and what the client of a study or an evaluator outside tells."""


def evaluator_name(spec: Spec | None, metric: str) -> str:
    """The evaluator of a metric; KeyError where none is named."""
    if isinstance(spec, str):
        return spec
    return (spec or {})[metric]


def evaluator_of(spec: Spec | None, metric: str) -> type[NamedEvaluator] | None:
    """The class of a metric's evaluator; None where none is named."""
    try:
        return EVALUATORS.get(evaluator_name(spec, metric))
    except KeyError:
        return None


def options_used(
    spec: Spec | None, given: Mapping[str, Mapping[str, object]], metrics: Sequence[str]
) -> dict[str, Any]:
    """Evaluator's name → its options, of the evaluators that measure one of the metrics.

    Invalid options are refused elsewhere (:mod:`search.request.answerable`); here defaults take their place.
    """
    found: dict[str, Any] = {}
    for metric in metrics:
        evaluator = evaluator_of(spec, metric)
        if evaluator is None or metric not in evaluator.measures:
            continue
        try:
            found[evaluator.name] = evaluator.read_options(given.get(evaluator.name), evaluator.name)
        except InvalidOptions:
            found[evaluator.name] = evaluator.read_options(None, evaluator.name)
    return found


def read_spec(value: object, own: Collection[str] = ()) -> Spec | None:
    """An evaluator's name, or an object metric → name.

    Args:
        value: as a client sent it.
        own: metrics that the space defines itself.

    Raises:
        InvalidOptions: it is neither, or names what is not there.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return _name(value, "evaluator")
    errors, spec = [], {}
    for metric, name in value.items():
        where = f"evaluator.{metric}"
        if metric not in METRICS and metric not in own:
            hint = f"metrics are {', '.join((*own, *METRICS))}"
            errors.append(OptionError(where, f"{metric!r} is no metric", hint))
            continue
        try:
            spec[str(metric)] = _name(name, where)
        except InvalidOptions as error:
            errors += error.errors
    if not value:
        errors.append(
            OptionError(
                "evaluator", "names no evaluator", f"one of {', '.join((*EVALUATORS.names(), MODEL))}"
            )
        )
    if errors:
        raise InvalidOptions(errors)
    return spec


def read_evaluator_options(value: object, spec: Spec | None) -> dict[str, dict[str, object]]:
    """Evaluator's name → options, which the evaluator itself checks.

    Raises:
        InvalidOptions: it is no object of objects, or of an evaluator that the request does not use.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidOptions([OptionError("evaluator_options", "must be an object")])
    used = ({spec} if isinstance(spec, str) else set((spec or {}).values())) - {MODEL}
    errors = []
    for name, options in value.items():
        where = f"evaluator_options.{name}"
        if name not in used:
            hint = f"it uses {', '.join(sorted(used)) or 'none'}"
            errors.append(OptionError(where, "the request does not use this evaluator", hint))
        elif not isinstance(options, Mapping):
            errors.append(OptionError(where, "must be an object"))
    if errors:
        raise InvalidOptions(errors)
    return {str(name): dict(options) for name, options in value.items()}


def _name(value: object, where: str) -> str:
    """The name of an evaluator that loads, or of the source ``model``."""
    hint = f"one of {', '.join((*EVALUATORS.names(), MODEL))}"
    if value == MODEL:
        return MODEL
    if not isinstance(value, str) or value not in EVALUATORS.names():
        raise InvalidOptions([OptionError(where, f"{value!r} is not known", hint)])
    try:
        EVALUATORS.get(value)
    except NotRegistered as error:
        raise InvalidOptions([OptionError(where, str(error), hint)]) from None
    return value
