"""Trials: suggested architectures, waiting or finished; immutable, and never of the wrong status."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from search.problem import Problem
from spaces.metric import Observation
from spaces.space import Floats


@dataclass(frozen=True, slots=True)
class PendingTrial:
    """An architecture that was suggested and is not yet evaluated."""

    architecture: str


@dataclass(frozen=True, slots=True)
class CompletedTrial:
    """An architecture with its measured values, or with the reason why it has none.

    Raises:
        ValueError: where the observation has neither values nor a reason.
    """

    observation: Observation

    def __post_init__(self) -> None:
        if self.observation.failed is None and not self.observation.values:
            raise ValueError(f"{self.observation.architecture} is not finished: no values and no failure")

    @property
    def architecture(self) -> str:
        """Canonical string."""
        return self.observation.architecture

    @property
    def failed(self) -> bool:
        """Whether the evaluation ended without values."""
        return self.observation.failed is not None


def values_of(observations: Sequence[Observation], key: str) -> Floats:
    """Values (n,) of one quantity."""
    return np.array([observation.values[key] for observation in observations], dtype=np.float64)


def completed_by_models(problem: Problem, observations: Sequence[Observation]) -> list[Observation]:
    """Observations, each with what it did not measure as models predict it, or as it is computed exactly."""
    found, measured = list(observations), set(problem.to_measure)
    for quantity in problem.quantities:
        if quantity in measured:
            continue
        key = quantity.key
        rows = [row for row, observation in enumerate(found) if key not in observation.values]
        codes = problem.space.parse_many([found[row].architecture for row in rows])
        means = problem.known(quantity, codes).tolist() if rows else []
        for row, mean in zip(rows, means, strict=True):
            found[row] = replace(found[row], values={**found[row].values, key: mean})
    return found
