"""Quantities, bounds and recipes as they are typed: ``params_m<=0.5``, ``epochs=6,9``."""

import json
import re
from collections.abc import Sequence
from typing import Any

import typer

from search.request.quantities import ON_DEVICE
from spaces.metric import METRICS

_BOUND = re.compile(r"\s*([^<>=\s]+)\s*(<=|>=)\s*(\S+)\s*")


def quantity(text: str) -> dict[str, str]:
    """A quantity's JSON object.

    >>> quantity("latency_ms@gpu@arxiv")
    {'metric': 'latency_ms', 'device': 'gpu', 'task': 'arxiv'}
    >>> quantity("accuracy@cifar10")
    {'metric': 'accuracy', 'task': 'cifar10'}
    """
    metric, *rest = text.split("@")
    names = ["device", "task"] if metric in ON_DEVICE else ["task"]
    if metric not in METRICS or len(rest) > len(names) or not all(rest):
        raise typer.BadParameter(
            f"{text!r} is no quantity; write METRIC, METRIC@TASK, METRIC@DEVICE or METRIC@DEVICE@TASK, "
            f"with one of {', '.join(METRICS)}"
        )
    return {"metric": metric, **dict(zip(names, rest, strict=False))}


def constraint(text: str) -> dict[str, Any]:
    """A bound's JSON object.

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
    return {**quantity(name), "max" if relation == "<=" else "min": value}


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


def _choice(text: str) -> Any:
    """A number where it is one."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, int | float) and not isinstance(value, bool) else text
