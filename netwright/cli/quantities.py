"""Quantities, bounds and recipes as they are typed: ``params_m<=0.5``, ``epochs=6,9``."""

import json
import re
from collections.abc import Sequence
from typing import Any

import typer

from search.request.quantities import parts_of_key
from spaces.metric import METRICS

_OWN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BOUND = re.compile(r"\s*([^<>=\s]+)\s*(<=|>=)\s*(\S+)\s*")


def quantity(text: str, *, own: bool = False) -> dict[str, str]:
    """A quantity's JSON object.

    Args:
        text: as it was typed.
        own: whether a space of one's own may declare the metric; the server then says whether it does.

    >>> quantity("latency_ms@gpu@arxiv")
    {'metric': 'latency_ms', 'device': 'gpu', 'task': 'arxiv'}
    >>> quantity("accuracy@cifar10")
    {'metric': 'accuracy', 'task': 'cifar10'}
    """
    metrics = f"its metric is one of {', '.join(METRICS)}"
    try:
        parts = parts_of_key(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; {metrics}") from None
    if parts["metric"] not in METRICS and not (own and _OWN.fullmatch(parts["metric"])):
        raise typer.BadParameter(f"{text!r} is no quantity; {metrics}")
    return parts


def constraint(text: str, *, own: bool = False) -> dict[str, Any]:
    """A bound's JSON object; ``own`` as in :func:`quantity`.

    >>> constraint("params_m<=0.5")
    {'metric': 'params_m', 'max': 0.5}
    """
    match = _BOUND.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is no bound; write for example params_m<=0.5")
    name, relation, bound = match.groups()
    try:
        value = float(bound)
    except ValueError:
        raise typer.BadParameter(f"{bound!r} in {text!r} is no number") from None
    return {**quantity(name, own=own), "max" if relation == "<=" else "min": value}


def recipe(texts: Sequence[str] | None) -> dict[str, list[Any]] | None:
    """The choices of a recipe's parts; None without any.

    >>> recipe(["optimizer=sgd,adamw", "epochs=6,12"])
    {'optimizer': ['sgd', 'adamw'], 'epochs': [6, 12]}
    """
    found: dict[str, list[Any]] = {}
    for text in texts or ():
        name, equals, choices = text.partition("=")
        if not equals or name in found:
            raise typer.BadParameter(
                f"{text!r} names no choices; write for example epochs=6,12, each part once"
            )
        found[name.strip()] = [_choice(choice.strip()) for choice in choices.split(",")]
    return found or None


def evaluator_options(texts: Sequence[str] | None) -> dict[str, dict[str, Any]]:
    """Options of evaluators: the evaluator's name, the option's place below it, and its value.

    >>> evaluator_options(["training.network=small", "training.recipe.epochs=6", "latency.seconds=0.5"])
    {'training': {'network': 'small', 'recipe': {'epochs': 6}}, 'latency': {'seconds': 0.5}}
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts or ():
        path, equals, value = text.partition("=")
        *parts, last = (part.strip() for part in path.split("."))
        place: Any = found
        for part in parts:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if not equals or not parts or not all((*parts, last)) or not isinstance(place, dict) or last in place:
            raise typer.BadParameter(
                f"{text!r} is no option; write for example training.recipe.epochs=6, each option once"
            )
        place[last] = _choice(value.strip())
    return found


def _choice(text: str) -> Any:
    """A number where it is one."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text
