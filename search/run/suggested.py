"""Suggestions no two of which are twins (:mod:`search.twins`), of any strategy."""

import math
from dataclasses import replace

from search.strategy import Exhausted, Strategy
from search.trial import PendingTrial
from search.twins import function_keys

TRIES = 24
"""How often a strategy is asked again that suggested only twins."""
MOST_ASKED = 64


def suggested(strategy: Strategy, count: int) -> list[str]:
    """``count`` suggestions that keep the bounds, or by the problem's share of exploration only probably.

    See :func:`_distinct`.
    """
    problem = strategy.problem
    predictions = problem.predictions
    number = len(strategy.completed) + len(strategy.pending)
    share = problem.exploration
    if predictions is None or math.floor((number + count) * share) == math.floor(number * share):
        return _distinct(strategy, count)
    strategy.rebound(replace(problem, predictions=predictions.relaxed()))
    try:
        return _distinct(strategy, count)
    finally:
        strategy.rebound(problem)


def _distinct(strategy: Strategy, count: int) -> list[str]:
    """``count`` suggestions of a strategy, no two of them twins, nor one and a trial that is known.

    A strategy that suggests twins is asked again with these as pending, which it leaves alone.

    Raises:
        Exhausted: where not a single one is found; fewer than ``count`` are returned where some are.
    """
    problem = strategy.problem
    if not problem.distinct:
        return strategy.suggest(count)
    seen = set(function_keys(problem, strategy.taken()))
    before, refused, chosen = strategy.pending, list[str](), list[str]()
    try:
        for attempt in range(TRIES):
            wanted = count - len(chosen)
            asked = wanted if attempt == 0 else min(wanted << attempt, MOST_ASKED)
            try:
                names = strategy.suggest(max(asked, wanted))
            except Exhausted:
                if chosen:
                    return chosen
                raise
            for name, key in zip(names, function_keys(problem, problem.space.parse_many(names)), strict=True):
                new = key not in seen and len(chosen) < count
                seen.add(key)
                (chosen if new else refused).append(name)
            if len(chosen) == count:
                return chosen
            strategy.observe([], [*before, *map(PendingTrial, [*chosen, *refused])])
        if not chosen:
            raise Exhausted("no further architecture that computes another function was found")
        return chosen
    finally:
        strategy.observe([], before)
