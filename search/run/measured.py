"""One evaluation, whose values are such as their metrics can take."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from search.evaluator import Evaluator
from spaces.metric import METRICS, Observation, Quantity, value_fault


def measured(
    evaluator: Evaluator, architecture: str, should_stop: Callable[[], bool], quantities: Sequence[Quantity]
) -> Observation:
    """What an evaluator brings; failed where a value is not finite, or outside what its metric can be.

    An evaluator may be a plug-in's, and a training may diverge: one such value must cost its evaluation and
    not the search, whose models and stored rows hold finite numbers alone.

    Args:
        evaluator: of the quantities; it may bring others too.
        architecture: canonical string.
        should_stop: asked within long evaluations.
        quantities: of the problem, whose metrics a space may have declared.

    Raises:
        Stopped: ``should_stop`` said so.
    """
    seen = evaluator.evaluate(architecture, should_stop)
    definitions = {quantity.key: quantity.definition for quantity in quantities}
    for key, value in seen.values.items():
        name = key.partition("@")[0]
        metric = definitions.get(key) or METRICS.get(name)
        if metric is not None:
            fault = value_fault(metric, value)
        else:
            fault = None if math.isfinite(value) else f"is {value:g} and no finite number"
        if fault is not None:
            return replace(seen, values={}, failed=f"{seen.source} brought a wrong value: {key} {fault}")
    return seen
