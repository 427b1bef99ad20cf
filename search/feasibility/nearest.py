"""The answer where no architecture satisfies the bounds: the nearest one, and the gap to each bound."""

from collections.abc import Sequence

import numpy as np

from search.feasibility.confidence import bounds_of, confidence_of
from search.feasibility.measured_first import spared
from search.models import Models
from search.problem import Problem, relative_gap
from search.proposals import Proposals
from search.request.recipe import apart
from spaces.metric import Observation
from spaces.space import Codes

Nearest = dict[str, object]


def nearest_to_exact(problem: Problem, codes: Codes) -> tuple[Nearest, dict[str, float]]:
    """The result object and the exact values of an architecture (v,) that misses an exact bound."""
    values = {
        quantity.key: float(problem.exact(quantity, codes[None])[0])
        for quantity in problem.quantities
        if problem.is_exact(quantity)
    }
    architecture = problem.space.format(codes[None])[0]
    nearest: Nearest = {"architecture": architecture, "values": values, "source": "exact"}
    return nearest | apart(problem.space, architecture), values


def nearest_to_measured(
    problem: Problem, observations: Sequence[Observation], models: Models, proposals: Proposals | None
) -> tuple[Nearest, dict[str, float], str]:
    """Where a bound is measured: the nearest evaluated architecture, else the likeliest predicted one.

    Returns:
        its object, its values, and the reason for a person
    """
    bounds = ", ".join(bound.quantity.key for bound in problem.predicted_constraints)
    finished = [
        observation for observation in observations if observation.failed is None or spared(observation)
    ]
    likeliest = "" if proposals is None or proposals.likeliest is None else _chance(problem, proposals)
    if finished:
        nearest = min(finished, key=lambda observation: _miss(problem, observation.values))
        reason = f"none of {len(finished)} evaluated architectures satisfies the bounds on {bounds}"
        reason += f"; {likeliest}" if likeliest else "; too few evaluations to predict others"
        values = dict(nearest.values)
        observed: Nearest = {"architecture": nearest.architecture, "values": values, "source": "measured"}
        return observed | apart(problem.space, nearest.architecture), values, reason
    assert proposals is not None and proposals.likeliest is not None
    return nearest_to_predicted(problem, models, proposals.likeliest)


def nearest_to_predicted(
    problem: Problem, models: Models, likeliest: Codes
) -> tuple[Nearest, dict[str, float], str]:
    """The result object of the architecture (v,) likeliest to hold the predicted bounds; nothing was
    evaluated.

    Returns:
        its object, its values, and the reason for a person
    """
    codes = likeliest[None]
    bounds = bounds_of(problem, models)
    probability = float(confidence_of(bounds, models, codes)[0])
    _, values = nearest_to_exact(problem, likeliest)
    values |= {key: float(model.predict(codes).mean[0]) for key, model in models.items()}
    architecture = problem.space.format(codes)[0]
    found: Nearest = {
        "architecture": architecture,
        "values": values,
        "source": "predicted",
        "feasible_probability": round(probability, 4),
        **apart(problem.space, architecture),
    }
    named = ", ".join(bound.quantity.key for bound in bounds)
    reason = (
        f"no architecture satisfies the bounds on {named} at the asked confidence; the likeliest does so "
    )
    reason += f"with probability {probability:.2g}, {problem.confidence:g} was asked for"
    return found, values, reason


def _chance(problem: Problem, proposals: Proposals) -> str:
    return (
        f"the likeliest other one does so with probability {proposals.probability:.2g}, "
        f"{problem.confidence:g} was asked for"
    )


def _miss(problem: Problem, values: dict[str, float]) -> float:
    """The worst relative gap of measured values."""
    gaps = [
        relative_gap(bound, np.array([values[bound.quantity.key]]))[0]
        for bound in problem.constraints
        if bound.quantity.key in values
    ]
    return float(max(gaps, default=0.0))
