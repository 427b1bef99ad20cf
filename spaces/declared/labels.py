"""What was observed in a declared space, as labels that a model learns from."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from spaces.declared.declaration import Declaration
from spaces.declared.source import DeclarationError, DeclarationProblem
from spaces.space import Codes, Floats, InvalidArchitecture

_MAX_PROBLEMS = 50

Architectures = Sequence[str | Mapping[str, object]]
ReadMany = Callable[[Architectures, int], tuple[Codes, list[tuple[int, InvalidArchitecture]]]]


def observed_labels(declaration: Declaration, read_many: ReadMany) -> dict[str, tuple[Codes, Floats]]:
    """Quantity key → canonical codes (b, v) and values (b,).

    Args:
        declaration: of the space; it carries the observations.
        read_many: reads architectures as the space does.

    Raises:
        DeclarationError: an architecture is not in the space, or a value is computed by a cost rule.
    """
    problems: list[DeclarationProblem] = []
    observations = declaration.observations
    codes, faults = read_many([known.architecture for known in observations], _MAX_PROBLEMS)
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
