"""What a search is about: objectives and constraints in a space, and what of them is known exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from spaces.costs.network_config import NetworkConfig
from spaces.metric import Constraint, Observation, Quantity
from spaces.space import Codes, Floats, Space

if TYPE_CHECKING:
    from predictors.predictor import Predictor


class Predictions(Protocol):
    """What models say of the quantities that no evaluation of a search measures; compared by identity."""

    models: "Mapping[str, Predictor]"
    """By quantity key."""

    def gap(self, codes: Codes) -> Floats:
        """How far codes (b, v) are from the asked confidence that predicted bounds hold, (b,); 0 where they
        are confident enough, and more the less probable it is."""

    def mean(self, quantity: Quantity, codes: Codes) -> Floats:
        """Predicted values (b,) of a quantity."""

    def relaxed(self) -> "Predictions":
        """The same with bounds that need only hold as probably as not; always the same object."""

    def refined(self, observations: "Sequence[Observation]", new: int) -> "Predictions":
        """What the models say after all observations, the last ``new`` of which are news.

        The same object where these measured nothing that is predicted.
        """


@dataclass(frozen=True, slots=True)
class Problem:
    """Objectives and constraints of one search.

    Args:
        space: the space.
        task: what the network must do; exact costs may depend on it. Quantities may be of other tasks too.
        objectives: quantities, each made as good as its direction says.
        constraints: hard bounds.
        confidence: at which predicted bounds must hold.
        network: which network exact costs are of; None: the space's own for the task.
        predicted: quantities whose source is a model: no evaluation brings them.
        fixed: column of a variable → the code that it must have; as an exact bound.
        exploration: share of the evaluations for which the predicted bounds need only be probable.
        predictions: what these models say, in a search that must not leave the bounds on them.
        distinct: whether architectures that compute the same function at equal cost count as one.
    """

    space: Space
    task: str
    objectives: tuple[Quantity, ...]
    constraints: tuple[Constraint, ...]
    confidence: float = 0.9
    network: NetworkConfig | None = None
    predicted: tuple[Quantity, ...] = ()
    predictions: Predictions | None = None
    distinct: bool = False
    exploration: float = 0.0
    fixed: tuple[tuple[int, int], ...] = ()

    def is_exact(self, quantity: Quantity) -> bool:
        """Whether the space computes the quantity exactly, so that nobody has to measure it."""
        return (
            quantity.device is None
            and quantity.metric in self.space.statistics_names
            and (quantity.task is None or quantity.task in self.space.tasks)
        )

    def exact(self, quantity: Quantity, codes: Codes) -> Floats:
        """Exact values (b,) of a quantity for codes (b, v), of the network that is meant."""
        return self.space.costs(codes, self.network_for(quantity.task or self.task))[quantity.metric]

    def network_for(self, task: str) -> NetworkConfig:
        """The network that exact costs on a task of the problem are of."""
        if task == self.task and self.network is not None:
            return self.network
        return self.space.network_config(task)

    @property
    def of_another_network(self) -> bool:
        """Whether the network that is meant has another resolution or skeleton than the one that the space's
        table measured, from which models that ship have learned.
        """
        meant, usual = self.network_for(self.task), self.space.network_config(self.task)
        return (meant.resolution, meant.skeleton) != (usual.resolution, usual.skeleton)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task, then every other one of the space that a quantity is of."""
        named = [quantity.task for quantity in self.quantities if quantity.task in self.space.tasks]
        return tuple(dict.fromkeys([self.task, *(task for task in named if task is not None)]))

    def task_of(self, quantity: Quantity) -> str:
        """The task whose costs describe an architecture where a quantity is learned.

        That of the problem itself, unless costs depend on the task and the quantity is of another one.
        """
        own = quantity.task if quantity.task in self.space.tasks else None
        return own if self.space.task_dependent_cost and own is not None else self.task

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Every quantity of an objective or constraint, each once."""
        return tuple(dict.fromkeys([*self.objectives, *(bound.quantity for bound in self.constraints)]))

    def known(self, quantity: Quantity, codes: Codes) -> Floats:
        """Values (b,) of a quantity that no evaluation brings: exact ones, or a model's means."""
        if quantity in self.predicted and self.predictions is not None:
            return self.predictions.mean(quantity, codes)
        return self.exact(quantity, codes)

    @property
    def inexact(self) -> tuple[Quantity, ...]:
        """The quantities that are measured or predicted."""
        return tuple(quantity for quantity in self.quantities if not self.is_exact(quantity))

    @property
    def to_measure(self) -> tuple[Quantity, ...]:
        """The quantities that an evaluation must bring."""
        return tuple(quantity for quantity in self.inexact if quantity not in self.predicted)

    @property
    def predicted_constraints(self) -> tuple[Constraint, ...]:
        """Bounds that only a measurement can confirm."""
        return tuple(bound for bound in self.constraints if not self.is_exact(bound.quantity))

    @property
    def measured_constraints(self) -> tuple[Constraint, ...]:
        """Bounds on what an evaluation brings."""
        return tuple(bound for bound in self.predicted_constraints if bound.quantity not in self.predicted)

    def gap(self, codes: Codes) -> Floats:
        """Distance (b,) of codes (b, v) to the exact bounds, each relative to its bound; 0 where all hold.

        An architecture that one of the tasks does not admit lies at distance 1. With predictions, one within
        the exact bounds lies as far away as its predicted bounds are from the asked confidence.
        """
        admitted = np.all([self.space.allowed(codes, task) for task in self.tasks], axis=0)
        gaps: Floats = (~admitted).astype(np.float64)
        for column, code in self.fixed:
            gaps += codes[:, column] != code
        for bound in self.constraints:
            if self.is_exact(bound.quantity):
                gaps += relative_gap(bound, self.exact(bound.quantity, codes))
        within = gaps <= 0
        if self.predictions is not None and within.any():
            gaps[within] = self.predictions.gap(codes[within])
        return gaps

    def signed_objectives(self, values: dict[str, float]) -> Floats:
        """Objective values (o,) of one architecture, signed so that more is better."""
        return np.array([quantity.sign * values[quantity.key] for quantity in self.objectives])

    def feasible(self, observation: Observation) -> bool:
        """Whether a finished observation with all values satisfies every bound."""
        return observation.failed is None and all(
            bound.holds(observation.values[bound.quantity.key]) for bound in self.constraints
        )

    def gaps(self, values: dict[str, float]) -> list[dict[str, object]]:
        """For each bound that does not hold: key, bound, value and gap in the metric's unit."""
        return [
            {
                "constraint": bound.quantity.key,
                "min": bound.min,
                "max": bound.max,
                "value": values[bound.quantity.key],
                "gap": bound.gap(values[bound.quantity.key]),
            }
            for bound in self.constraints
            if bound.quantity.key in values and not bound.holds(values[bound.quantity.key])
        ]


def relative_gap(bound: Constraint, values: Floats) -> Floats:
    """How far values (b,) lie outside a bound, in parts of the bound itself; 0 where it holds."""
    low = -np.inf if bound.min is None else bound.min
    high = np.inf if bound.max is None else bound.max
    ends: Sequence[float] = [abs(end) for end in (bound.min, bound.max) if end is not None]
    width = max(*ends, 0.0) or 1.0
    return np.asarray((np.maximum(low - values, 0.0) + np.maximum(values - high, 0.0)) / width)
