"""What was observed in a declared space, as labels that a model learns from."""

from typing import TYPE_CHECKING

import numpy as np

from spaces.declared.source import DeclarationError, DeclarationProblem
from spaces.space import Codes, Floats

if TYPE_CHECKING:
    from spaces.declared.space import DeclaredSpace

_MAX_PROBLEMS = 50


def observed_labels(space: "DeclaredSpace") -> dict[str, tuple[Codes, Floats]]:
    """Quantity key → canonical codes (b, v) and values (b,).

    Raises:
        DeclarationError: an architecture is no member, or a value is computed by a cost rule.
    """
    declaration = space.declaration
    problems: list[DeclarationProblem] = []
    observations = declaration.observations
    codes, faults = space.read_many([known.architecture for known in observations], _MAX_PROBLEMS)
    for index, error in faults:
        path = ("observations", index, "architecture")
        problems.append(declaration.problem(path, error.message, error.hint))
    costs = {cost.name for cost in declaration.costs}
    found: dict[str, list[tuple[int, float]]] = {}
    for index, known in enumerate(observations):
        for metric, value in known.values.items():
            key = f"{metric}@{known.task}" if metric in ("accuracy", "loss") else metric
            if metric in costs and len(problems) < _MAX_PROBLEMS:
                hint = "leave it out"
                problem = declaration.problem(
                    ("observations", index, metric), "is computed by a cost rule", hint
                )
                problems.append(problem)
            found.setdefault(key, []).append((index, value))
    if problems:
        raise DeclarationError(problems)
    return {
        key: (codes[[index for index, _ in pairs]], np.array([value for _, value in pairs]))
        for key, pairs in found.items()
    }
