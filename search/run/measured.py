"""One evaluation, whose values are such as their metrics can take."""

from collections.abc import Callable
from dataclasses import replace

from search.evaluator import Evaluator
from spaces.metric import METRICS, Observation, value_fault


def measured(evaluator: Evaluator, architecture: str, should_stop: Callable[[], bool]) -> Observation:
    """What an evaluator brings; failed where a value is not finite, or outside what its metric can be.

    An evaluator may be a plug-in's, and a training may diverge: one such value must cost its evaluation and
    not the search, whose models and stored rows hold finite numbers alone.

    Raises:
        Stopped: ``should_stop`` said so.
    """
    seen = evaluator.evaluate(architecture, should_stop)
    for key, value in seen.values.items():
        metric = key.partition("@")[0]
        fault = value_fault(metric, value) if metric in METRICS else "is of no metric that there is"
        if fault is not None:
            return replace(seen, values={}, failed=f"{seen.source} brought a wrong value: {key} {fault}")
    return seen
