"""Predictions by whatever model a request names: shipped, trained by the tenant, or of a measured device.

Which model answers a quantity:

1. a device that the tenant measured: its own model;
2. ``"predictor"`` in the quantity: that one, or with ``latest`` the newest that the tenant trained;
3. otherwise the shipped model of the asked kind; only where none ships, the newest of that kind that the
   tenant trained. So training a predictor never changes the answers of calls that do not name it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from predictors.devices.measured import MeasuredDevice
from predictors.prediction import Prediction
from predictors.predictor import extrapolates
from search.declared_models import MIN_LABELS, observed_keys
from search.request.design_request import FieldError, InvalidRequest, resolve_quantity
from search.request.meant_network import asked_network
from search.request.uploaded_task import CONDITIONED, UploadedTask, task_predictor
from service.children.bounded import checkpoint
from service.dependencies import Service
from service.http.problems import invalid
from service.operations.devices import named_devices
from service.operations.observed import fitted
from service.operations.short_ids import whole_id
from service.operations.uploads import named_task
from service.schemas import PredictCreate
from service.schemas.predictions import PredictedQuantityCreate
from spaces.costs.network_config import NetworkConfig
from spaces.declared.space import DeclaredSpace
from spaces.image_space import ImageSpace
from spaces.metric import Quantity
from spaces.space import Bools, Codes, Space
from store.blobs.blobs import BlobNotFound
from store.jobs.job import NotFound
from store.predictors.predictor import StoredPredictor

if TYPE_CHECKING:
    from predictors.shipped import Answer

LATEST = "latest"
PART = 4096
"""Architectures that are predicted at a time; between parts a call that nobody waits for ends."""
NO_PREDICTOR = "train one at /v1/predictors"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One quantity of a request, and what answers it: a device's model, a trained one, or else a shipped one.

    Args:
        network: which one an exact cost is of.
        observed: whether a declared space's observations answer it.
        uploaded: the task of the tenant's own that it is of.
    """

    quantity: Quantity
    network: NetworkConfig | None = None
    device: MeasuredDevice | None = None
    trained: StoredPredictor | None = None
    observed: bool = False
    uploaded: UploadedTask | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request and whose it is.

    Args:
        own: the tenant's devices among those that are named.
        tasks: the tenant's tasks among those that are named.
    """

    service: Service
    tenant: str
    space: Space
    request: PredictCreate
    own: Mapping[Quantity, MeasuredDevice]
    tasks: Mapping[str, UploadedTask]


def resolve(service: Service, tenant: str, space: Space, request: PredictCreate) -> list[Wanted]:
    """What is to be predicted, each quantity once, and by what.

    Raises:
        Problem: 422 that names each field that is wrong, and what there is instead.
    """
    own = {
        device.quantity: device
        for device in named_devices(service.store, tenant, space.name, [m.device for m in request.metrics])
    }
    names = [device.name for device in own.values()]
    tasks = _uploaded(service, tenant, space, request)
    asked = _Asked(service, tenant, space, request, own, tasks)
    errors: list[FieldError] = []
    found: dict[str, Wanted] = {}
    for index, item in enumerate(request.metrics):
        path = f"metrics[{index}]"
        try:
            quantity = resolve_quantity(
                space,
                item.metric,
                task=item.task,
                device=item.device,
                path=path,
                devices=names,
                tasks=tuple(tasks),
            )
            wanted = _answering(asked, item, quantity, path)
            if found.setdefault(quantity.key, wanted) != wanted:
                message = f"{quantity.key} is asked for twice, of different tasks or predictors"
                errors.append(FieldError(path, message, "ask in two calls"))
        except InvalidRequest as error:
            errors.extend(error.errors)
    computed = any(item.network is not None for item in found.values())
    for name in ("classes", "resolution"):
        if getattr(request, name) is not None and not computed and not errors:
            hint = "leave it out: models predict the networks that they learned from"
            errors.append(FieldError(name, "none of the metrics is computed for it", hint))
    if errors:
        raise invalid(errors)
    return list(found.values())


def answer(
    service: Service, space: Space, wanted: Sequence[Wanted], codes: Codes, *, kind: str, confidence: float
) -> "Answer":
    """Predictions for codes (b, v), in the order of the quantities."""
    from predictors import shipped

    result = shipped.Answer({}, {}, {})
    for item in wanted:
        predict = _answering_model(service, space, item, kind, confidence)
        parts = []
        for start in range(0, max(len(codes), 1), PART):
            checkpoint()
            parts.append(predict(codes[start : start + PART]))
        key = item.quantity.key
        result.predictions[key] = _joined([prediction for prediction, _, _ in parts])
        result.models[key] = parts[0][1]
        result.extrapolated[key] = np.concatenate([outside for _, _, outside in parts])
    return result


_Answered = tuple[Prediction, str, Bools]
"""A prediction (b,), the name of the model that made it, and which architectures (b,) are far from its
labels."""


def _answering_model(
    service: Service, space: Space, item: Wanted, kind: str, confidence: float
) -> Callable[[Codes], _Answered]:
    """What predicts one quantity of codes (b, v)."""
    from predictors import shipped
    from predictors.calibration.support import Support

    def inside(codes: Codes) -> Bools:
        return np.zeros(len(codes), dtype=bool)

    if item.device is not None:
        own = item.device.predictor()
        digest = own.digest()
        return lambda codes: (own.predict(codes, confidence), digest, inside(codes))
    if item.trained is not None:
        spec, current = item.trained.spec, item.trained.current
        assert current is not None and current.model is not None
        try:
            model = service.models.get(space.name, spec.kind, current.model, current.labels)
        except BlobNotFound:
            raise NotFound(f"predictor {item.trained.id} was deleted") from None
        about = current.about["support"]
        assert isinstance(about, Mapping)
        support, name = Support.from_dict(about, space, spec.task), f"sha256:{current.model}"

        def trained(codes: Codes) -> _Answered:
            outside = support.outside(codes)
            return shipped.bounded(model.predict(codes, confidence), item.quantity, outside), name, outside

        return trained
    limits = item.quantity.definition.range
    if item.uploaded is not None:
        conditioned = task_predictor(space.name, item.uploaded, lambda: service.blobs)
        far = extrapolates(conditioned)
        return lambda codes: (
            conditioned.predict(codes, confidence).within(*limits),
            conditioned.digest(),
            np.full(len(codes), far),
        )
    key = item.quantity.key
    if item.observed:
        learned = fitted(space, key)
        return lambda codes: (
            learned.predict(codes, confidence).within(*limits),
            learned.digest(),
            inside(codes),
        )

    def shipping(codes: Codes) -> _Answered:
        part = shipped.predict(
            space.name, [item.quantity], codes, network=item.network, kind=kind, confidence=confidence
        )
        return part.predictions[key], part.models[key], part.extrapolated[key]

    return shipping


def _joined(parts: Sequence[Prediction]) -> Prediction:
    if len(parts) == 1:
        return parts[0]
    mean, std, lower, upper = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("mean", "std", "lower", "upper")
    )
    return Prediction(mean, std, lower, upper, parts[0].confidence)


def _uploaded(service: Service, tenant: str, space: Space, request: PredictCreate) -> dict[str, UploadedTask]:
    """The tenant's own tasks among those that are named, where the space has networks for any."""
    if not isinstance(space, ImageSpace):
        return {}
    names = {item.task for item in request.metrics if item.task is not None and item.task not in space.tasks}
    found = {name: named_task(service.store, tenant, name) for name in names}
    return {name: task for name, task in found.items() if task is not None}


def _answering(asked: _Asked, item: PredictedQuantityCreate, quantity: Quantity, path: str) -> Wanted:
    """What answers one quantity.

    Raises:
        InvalidRequest: nothing does.
    """
    from predictors import shipped

    service, tenant, space, kind = asked.service, asked.tenant, asked.space, asked.request.kind
    mine = None if item.task is None else asked.tasks.get(item.task)
    if item.task is not None and mine is None and item.task not in space.tasks:
        known = f"its tasks are {', '.join(space.tasks)}"
        message = f"{item.task!r} is no task of {space.public_name}"
        raise InvalidRequest([FieldError(f"{path}.task", message, known)])
    if item.predictor is not None:
        return Wanted(quantity, trained=_named(service, tenant, space, quantity, item.predictor, path))
    if quantity in asked.own:
        return Wanted(quantity, device=asked.own[quantity])
    if shipped.is_exact(space, quantity):
        classes = asked.request.classes if mine is None else asked.request.classes or mine.classes
        return Wanted(quantity, asked_network(space, item.task, classes, asked.request.resolution))
    if mine is not None and space.name in CONDITIONED and quantity == mine.quantity and kind == "auto":
        return Wanted(quantity, uploaded=mine)
    if quantity.key in observed_keys(space):
        return Wanted(quantity, observed=True)
    try:
        shipped.chosen_kind(space.name, quantity.key, kind)
        return Wanted(quantity)
    except shipped.NoModel as error:
        trained = _newest(service, tenant, space, quantity, None if kind == "auto" else kind)
        if trained is not None:
            return Wanted(quantity, trained=trained)
        if isinstance(space, DeclaredSpace):
            missing = f"no model predicts {quantity.key}"
            hint = f"declare at least {MIN_LABELS} observations of it"
            raise InvalidRequest([FieldError("metrics", missing, hint)]) from None
        if error.kinds:
            raise InvalidRequest([FieldError("kind", str(error), NO_PREDICTOR)]) from None
        hint = f"known are {', '.join(sorted({*error.known, *space.statistics_names}))}; or {NO_PREDICTOR}"
        raise InvalidRequest([FieldError("metrics", str(error), hint)]) from None


def _newest(
    service: Service, tenant: str, space: Space, quantity: Quantity, kind: str | None
) -> StoredPredictor | None:
    found, _ = service.store.predictors(
        tenant_id=tenant, space=space.name, key=quantity.key, kind=kind, trained=True, limit=1
    )
    return found[0] if found else None


def _named(
    service: Service, tenant: str, space: Space, quantity: Quantity, name: str, path: str
) -> StoredPredictor:
    """The predictor that a request names.

    Raises:
        InvalidRequest: there is none, it is of another quantity, or it has not been trained yet.
    """

    def refused(message: str, hint: str = "") -> InvalidRequest:
        return InvalidRequest([FieldError(f"{path}.predictor", message, hint)])

    if name == LATEST:
        newest = _newest(service, tenant, space, quantity, None)
        if newest is None:
            raise refused(f"you have trained no predictor of {quantity.key}", NO_PREDICTOR)
        return newest
    whole = whole_id(service.store, tenant, "predictor", name, f"{path}.predictor")
    found = service.store.predictor(whole, tenant_id=tenant)
    if (found.spec.space, found.spec.key) != (space.name, quantity.key):
        raise refused(f"it predicts {found.spec.key} in {found.spec.space}, not {quantity.key}")
    if found.current is None:
        state = found.latest.job_state
        ended = state is not None and state.terminal
        raise refused(
            f"its training {state}" if ended else "it is not trained yet", f"/v1/jobs/{found.latest.job_id}"
        )
    return found
