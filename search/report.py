"""The result of a design: architectures with their metrics, ranked, and what random draws would give."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from predictors.prediction import Prediction
from predictors.predictor import extrapolates
from search.feasibility.confidence import bounds_of, confidence, confidence_of
from search.feasibility.exact_bounds import draw_feasible
from search.models import Models
from search.pareto.front import pareto_front
from search.problem import Problem
from search.request.recipe import apart
from spaces.metric import Metric, Observation
from spaces.space import Codes, Floats

BASELINE = 256
"""Uniform draws whose mean the best is compared with, where the objective is exact."""


def architectures(
    problem: Problem,
    models: Models,
    codes: Codes,
    known: Mapping[str, Observation],
    named: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Result objects of codes (b, v), ranked.

    Measured values rank as they are. Where some values are measured, predicted ones rank by the pessimistic
    end of their interval: the architectures were selected for high predictions, so means are too optimistic.

    Args:
        problem: objectives and constraints.
        models: of every quantity that is not exact.
        codes: (b, v).
        known: canonical string → its observation, with what it did not measure as models predict it.
        named: quantity key → which model predicts it, for a person.
    """
    rows: list[dict[str, Any]] = [
        {
            "architecture": architecture,
            **apart(problem.space, architecture),
            "feasible_probability": 1.0,
            "metrics": {},
        }
        for architecture in problem.space.format(codes)
    ]
    _exact_metrics(problem, codes, rows)
    predictions = {key: model.predict(codes, problem.confidence) for key, model in models.items()}
    always = {quantity.key for quantity in problem.predicted}
    sure = confidence(problem, models, codes) if len(known) < len(codes) else np.ones(len(codes))
    unmeasured = confidence_of(bounds_of(problem, always), models, codes)
    far = {key for key, model in models.items() if extrapolates(model)}
    if problem.of_another_network:
        far |= {key for key, name in (named or {}).items() if name.startswith("shipped ")}
    for index, row in enumerate(rows):
        observation = known.get(row["architecture"])
        probability = sure[index] if observation is None else unmeasured[index]
        row["feasible_probability"] = round(float(probability), 4)
        for quantity in problem.inexact:
            row["metrics"][quantity.key] = (
                {"mean": observation.values[quantity.key], "source": "measured"}
                if observation is not None and quantity.key not in always
                else _predicted(quantity.definition, predictions[quantity.key], index)
                | ({"extrapolated": True} if quantity.key in far else {})
                | ({"model": named[quantity.key]} if named and quantity.key in named else {})
            )
    signed = signed_objectives_of(problem, rows, pessimistic=bool(known))
    order = np.lexsort((-signed[:, 0], ~pareto_front(signed)))
    return [{"rank": rank, **rows[index]} for rank, index in enumerate(order.tolist(), start=1)]


def _exact_metrics(problem: Problem, codes: Codes, rows: list[dict[str, Any]]) -> None:
    """Every quantity that the space computes: those asked for, then the space's other costs, on every task
    of the problem where they depend on it.
    """
    space = problem.space
    exact = {q.key: problem.exact(q, codes) for q in problem.quantities if problem.is_exact(q)}
    for task in problem.tasks if space.task_dependent_cost else (problem.task,):
        for name, values in space.costs(codes, problem.network_for(task)).items():
            if name in space.metrics:
                exact.setdefault(f"{name}@{task}" if space.task_dependent_cost else name, values)
    for index, row in enumerate(rows):
        row["metrics"] = {
            key: {"mean": float(values[index]), "source": "exact"} for key, values in exact.items()
        }


def _predicted(metric: Metric, prediction: Prediction, index: int) -> dict[str, object]:
    low, high = metric.range
    entry: dict[str, object] = {}
    for name in ("mean", "std", "lower", "upper"):
        value = float(getattr(prediction, name)[index])
        if name != "std":
            value = min(max(value, low), high)
        entry[name] = value if np.isfinite(value) else None
    return entry | {"source": "predicted"}


def signed_objectives_of(problem: Problem, rows: Sequence[Mapping[str, Any]], *, pessimistic: bool) -> Floats:
    """Objectives (b, o) of result objects, signed so that more is better.

    Args:
        problem: gives the objectives.
        rows: result objects.
        pessimistic: predictions count by the worse end of their interval, and come last without one.
    """
    signed = np.empty((len(rows), len(problem.objectives)))
    for index, row in enumerate(rows):
        for column, quantity in enumerate(problem.objectives):
            entry = row["metrics"][quantity.key]
            value = entry["mean"]
            if pessimistic and entry["source"] == "predicted":
                value = entry["lower" if quantity.sign > 0 else "upper"]
            signed[index, column] = -1e300 if value is None else quantity.sign * value
    return signed


def baseline(
    problem: Problem, drawn: Sequence[Observation], rows: Sequence[Mapping[str, Any]], seed: int
) -> dict[str, object] | None:
    """The first objective's mean over uniform draws within the exact bounds, from measured or exact values.

    Relative improvement as in Yang et al. 2020, "NAS evaluation is frustratingly hard", equation 1, of the
    best architecture whose value is measured or exact; None where none is.

    Args:
        problem: objectives and constraints.
        drawn: evaluations of this design that were drawn uniformly.
        rows: result objects.
        seed: of the draws, where the objective is exact.

    Returns:
        None where neither the objective is exact nor a uniform draw was evaluated.
    """
    quantity = problem.objectives[0]
    if problem.is_exact(quantity):
        rng = np.random.default_rng([seed, 1])
        codes = draw_feasible(problem, BASELINE, rng, exclude=problem.space.sample(0, rng))
        values = problem.exact(quantity, codes) if len(codes) else np.empty(0)
    else:
        values = np.array([observation.values[quantity.key] for observation in drawn])
    if not len(values):
        return None
    mean = float(values.mean())
    entries = [row["metrics"][quantity.key] for row in rows]
    facts = [entry["mean"] for entry in entries if entry["source"] != "predicted"]
    improvement = None
    if facts and mean:
        best = max(facts, key=lambda value: quantity.sign * value)
        improvement = round(quantity.sign * 100 * (best - mean) / abs(mean), 2)
    return {
        "random_mean": round(mean, 4),
        "draws": len(values),
        "relative_improvement_percent": improvement,
    }
