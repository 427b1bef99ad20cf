"""What is known of an accuracy that no model of its own predicts: models of other tasks, and costs.

It says which of two architectures is the better one, and little of how good they are: predictions by it are
``extrapolated``.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from predictors import shipped
from spaces.metric import Quantity

if TYPE_CHECKING:
    from predictors.predictor import Predictor

ACCURACY = "accuracy"
RELATED = {"nasbench201": ("cifar10", "cifar10-fp32", "cifar100"), "mnasnet": ("imagenet",)}
"""Space → tasks whose models stand for others, the first one that is another task's."""
BY_COSTS = ("efficientnet_lite", "fbnet", "ofa_mobilenetv3")
"""Spaces of which no accuracy is known: what costs bring to one in ``mnasnet`` ranks their architectures."""
OWN_TASKS = (*RELATED, *BY_COSTS)
"""Spaces that are designed in for tasks of someone's own."""


def related_key(space: str, quantity: Quantity) -> str | None:
    """The quantity of another task whose shipped model ranks architectures for this one; None without one."""
    if quantity.metric != ACCURACY:
        return None
    known = shipped.quantities(space)
    keys = [f"{ACCURACY}@{task}" for task in RELATED.get(space, ()) if task != quantity.task]
    return next((key for key in keys if key in known), None)


def model_of_costs(space: str, quantity: Quantity) -> "Predictor | None":
    """What costs tell of an accuracy; None where a model of other tasks ships, or no costs are known."""
    if quantity.metric != ACCURACY or space not in BY_COSTS:
        return None
    return _model_of_costs(space)


@lru_cache(maxsize=4)
def _model_of_costs(space: str) -> "Predictor":
    from search.cost_accuracy import CostAccuracy
    from spaces.known import get_space

    return CostAccuracy(get_space(space))
