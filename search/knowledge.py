"""What is known before a search has observed anything: models that are priors of what it measures.

With ``"knowledge": "auto"`` models of the same quantity and of other tasks, devices and precisions are
priors; with ``"none"`` own observations alone count. One exception keeps figures honest: a model is no prior
of the table column (space, task, metric) that it was trained on where that column evaluates, and a model of
many devices stands back for its version without the device. Which was used and which stood back is in the
result.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from predictors import shipped
from predictors.devices import shipped as shipped_devices
from predictors.predictor import Predictor
from search.problem import Problem
from search.request.design_request import DesignRequest
from search.request.related_models import model_of_costs, related_key
from search.request.uploaded_task import task_predictor
from spaces.metric import Quantity

if TYPE_CHECKING:
    from store.blobs.blobs import Blobs

AUTO, NONE = "auto", "none"
TABLE = "table"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Priors, and what stood back.

    Args:
        priors: quantity key → a predictor that learns observations by ``refine``.
        named: quantity key → which model that is, for a person.
        withheld: quantity key → why a model is no prior of it.
    """

    priors: dict[str, Predictor] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)

    def to_dict(self, asked: str) -> dict[str, object]:
        """What the result says of it; ``asked`` as the request has it."""
        return {"asked": asked, "priors": self.named, "withheld": self.withheld}


def knowledge_of(request: DesignRequest, problem: Problem, blobs: "Callable[[], Blobs] | None") -> Knowledge:
    """The priors of what a problem's evaluations measure.

    Args:
        request: with its sources.
        problem: of the request.
        blobs: where embeddings of tasks lie; None: there are none.

    Raises:
        EmbeddingGone: the task's embedding cannot be read.
    """
    found = Knowledge()
    if request.knowledge == NONE:
        return found
    for quantity in problem.to_measure:
        prior = _prior(request, problem, quantity, blobs, found.withheld)
        if prior is not None:
            found.priors[quantity.key], found.named[quantity.key] = prior
    return found


def _prior(
    request: DesignRequest,
    problem: Problem,
    quantity: Quantity,
    blobs: "Callable[[], Blobs] | None",
    withheld: dict[str, str],
) -> tuple[Predictor, str] | None:
    """The prior of one quantity and its name; None where nothing is known of it."""
    for own in request.predictors:
        if own.named and own.key == quantity.key and blobs is not None:
            return _mean(problem, quantity, own.load(request.space, blobs), same=True), f"predictor {own.id}"
    task = request.predicted_task(quantity)
    if task is not None:
        return None if blobs is None else (task_predictor(request.space, task, blobs), f"task {task.name}")
    if (prior := _device(request, problem, quantity)) is not None:
        if quantity.device in problem.space.devices:
            without = f"the model of devices stands back for its version without {quantity.device}"
            withheld[quantity.key] = without
        return prior
    key = quantity.key
    if key in shipped.quantities(request.space):
        if request.sources.get(key) != TABLE:
            return _about(problem, quantity, key, same=True), f"shipped {key}"
        withheld[key] = f"the shipped model was trained on {request.space}/{key}, the column that evaluates"
    if (other := related_key(request.space, quantity)) is not None:
        return _about(problem, quantity, other, same=False), f"shipped {other}, of another task"
    if (costs := model_of_costs(request.space, quantity)) is not None:
        return _mean(problem, quantity, costs, same=False), "what costs tell of accuracies in mnasnet"
    return None


def _about(problem: Problem, quantity: Quantity, key: str, *, same: bool) -> Predictor:
    """A shipped model as the mean of what is observed."""
    return _mean(problem, quantity, shipped.load(problem.space.network_space.name, key), same=same)


def _mean(problem: Problem, quantity: Quantity, base: Predictor, *, same: bool) -> Predictor:
    """A model as the mean of what is observed."""
    from search.bo.prior_mean import PriorMean  # it loads torch

    return PriorMean(problem.space, base=base, quantity=quantity, same=same, task=problem.task_of(quantity))


def _device(request: DesignRequest, problem: Problem, quantity: Quantity) -> tuple[Predictor, str] | None:
    """What devices have in common, without this one; with its measurements where it is the tenant's own."""
    space = problem.space
    if quantity.metric != shipped_devices.METRIC or quantity.device is None:
        return None
    if space.network_space is not space or space.name not in shipped_devices.spaces_with_devices():
        return None
    own = {device.quantity: device for device in request.measured if device.measurements}
    if quantity in own:
        return own[quantity].predictor(), f"device {quantity.device}"
    from predictors.devices.predictor import DevicePredictor

    without = frozenset([str(quantity.device)])
    return DevicePredictor(space, without=without), "what other devices have in common"
