"""Which versions of the models that ship a search began with: a search that is resumed has the same ones.

Own measurements are replayed on them, so that a killed search continues as if it never had stopped. After an
upgrade that ships another model it would be another search, which is refused and not done in silence.
"""

from predictors import shipped
from predictors.devices import shipped as shipped_devices
from search.request.design_request import DesignRequest
from search.request.evaluation import MODEL
from search.request.related_models import BY_COSTS, related_key
from search.request.sources import model_of
from search.request.uploaded_task import CONDITIONED
from spaces.metric import Quantity

DEVICES, TASKS = "devices", "tasks"
COSTS = "mnasnet/accuracy@imagenet"


class ModelChanged(LookupError):
    """A model that a search began with ships no more; order it anew, a study with its observations."""


def pinned(request: DesignRequest) -> dict[str, str]:
    """Name → digest of every shipped model that a request's search may begin with.

    Args:
        request: with its sources.
    """
    problem = request.problem()
    names: set[str] = set()
    for quantity in problem.inexact:
        names |= _of(request, quantity)
    return {name: _digest(request.space, name) for name in sorted(names)}


def check_pins(request: DesignRequest) -> None:
    """Raises where a model is not the one that was pinned.

    Raises:
        ModelChanged: naming it.
    """
    for name, digest in request.pins.items():
        try:
            now = _digest(request.space, name)
        except LookupError:
            now = "nothing"
        if now != digest:
            raise ModelChanged(
                f"the search began with the model {name} {digest:.15}, and {now:.15} ships now"
            )


def _of(request: DesignRequest, quantity: Quantity) -> set[str]:
    """The shipped models of one quantity: its source's, or those that may be its priors."""
    key, space = quantity.key, request.space
    found = model_of(request, quantity)
    kind = None if found is None else found.kind
    if request.sources.get(key) != MODEL and request.knowledge == "none":
        return set()
    names = set()
    if kind == "task" and space in CONDITIONED:
        names.add(TASKS)
    measured_here = request.sources.get(key) != MODEL and quantity.metric == shipped_devices.METRIC
    if space in shipped_devices.spaces_with_devices() and (kind == "device" or measured_here):
        names.add(DEVICES)
    if key in shipped.quantities(space):
        names.add(f"{space}/{key}")
    other = related_key(space, quantity)
    if other is not None:
        names.add(f"{space}/{other}")
    elif space in BY_COSTS and quantity.metric == "accuracy":
        names.add(COSTS)
    return names


def _digest(space: str, name: str) -> str:
    if name == DEVICES:
        return shipped_devices.digest(space)
    if name == TASKS:
        from predictors.transfer import task_model

        return task_model.digest(space)
    of, _, key = name.partition("/")
    return shipped.digest(of, key)
