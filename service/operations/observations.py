"""Observations that clients post: checked, in canonical form, with the field of each thing that is wrong."""

from collections.abc import Sequence

from predictors.kinds import KINDS
from predictors.predictor import Predictor
from search.request.design_request import FieldError, resolve_quantity
from service.http.problems import MAX_ERRORS, Problem, invalid
from service.operations.architectures import parse_architectures
from service.operations.devices import named_devices
from service.operations.spaces import find_space
from service.schemas.predictors import ObservationCreate, PredictorCreate, SourceCreate
from spaces.metric import Quantity, value_fault
from spaces.registry import NotRegistered
from spaces.space import Codes, Space
from store.port import Store
from store.predictors.predictor import Label, PredictorSpec

ACCURACY = "accuracy"


def check_predictor(request: PredictorCreate, store: Store, tenant: str) -> tuple[PredictorSpec, list[Label]]:
    """What is to be trained, and from what.

    Raises:
        Problem: 422 that names each field: an unknown space, quantity or kind, a quantity that needs no
            predictor, observations that nothing can be learned from.
    """
    from predictors.shipped import is_exact

    found = find_space(store, tenant, request.space)
    space = found.space
    kind = _kind(request.kind)
    own = named_devices(store, tenant, space.name, [request.device])
    quantity = resolve_quantity(
        space,
        request.metric,
        task=request.task,
        device=request.device,
        devices=[device.name for device in own],
    )
    if is_exact(space, quantity):
        raise invalid([FieldError("metric", f"{quantity.key} is computed exactly", "it needs no predictor")])
    if (reason := kind.why_not(space, quantity)) is not None:
        raise invalid([FieldError("metric", *reason)])
    source = _source(space, quantity, request, kind)
    labels = check_labels(space, quantity.metric, request.observations, kind=request.kind)
    spec = PredictorSpec(
        space.name,
        quantity.key,
        quantity.metric,
        quantity.task,
        quantity.device,
        request.kind,
        source or found.declaration() or None,
    )
    return spec, labels


def check_labels(
    space: Space,
    metric: str,
    observations: Sequence[ObservationCreate],
    *,
    kind: str,
    known: int = 0,
    field: str = "observations",
) -> list[Label]:
    """Canonical strings and values.

    One architecture may come several times, with different values: repeated measurements with noise.

    Args:
        known: observations that the predictor has already; to those even one may be added.

    Raises:
        Problem: 422 that names the observation.
    """
    from predictors.devices.measurements import tell_apart

    codes, measured = _codes(space, observations, field), space.metric(metric)
    values = [observation.value for observation in observations]
    errors = [
        FieldError(f"{field}[{index}].value", fault, f"leave it out, or give it in {measured.unit}")
        for index, value in enumerate(values)
        if (fault := value_fault(measured, value)) is not None
    ]
    if errors:
        raise invalid(errors[:MAX_ERRORS])
    labels = list(zip(space.format(codes), values, strict=True))
    most = KINDS.get(kind).most_labels
    if known + len(labels) > most:
        able = [name for name in KINDS.working() if KINDS.get(name).most_labels > most]
        hint = f"leave some out, or choose {', '.join(able)}" if able else "leave some out"
        raise invalid([FieldError(field, f"{kind} learns from at most {most:,} observations", hint)])
    if not known and len({architecture for architecture, _ in labels}) < 2:
        raise invalid([FieldError(field, "fewer than two different architectures", "observe more of them")])
    if not known and not tell_apart(values):
        raise invalid(
            [
                FieldError(
                    field,
                    f"all values are {values[0]:g}, but for rounding: nothing can be learned",
                    "observe others too",
                )
            ]
        )
    return labels


def _codes(space: Space, observations: Sequence[ObservationCreate], field: str) -> Codes:
    try:
        return parse_architectures(space, [item.architecture for item in observations], field)
    except Problem as problem:
        # The list is not of architectures here, but of objects that hold one.
        raise invalid(
            [FieldError(f"{error.field}.architecture", error.message, error.hint) for error in problem.errors]
        ) from None


def _kind(name: str) -> type[Predictor]:
    try:
        return KINDS.get(name)
    except NotRegistered as error:
        raise invalid([FieldError("kind", str(error), f"one of {', '.join(KINDS.names())}")]) from None


def _source(
    space: Space, quantity: Quantity, request: PredictorCreate, kind: type[Predictor]
) -> dict[str, object] | None:
    """What a transfer starts from, as plain JSON."""
    source = request.source
    if not kind.needs_source:
        if source is not None:
            raise invalid([FieldError("source", f"{request.kind} starts from nothing", "leave it out")])
        return None
    if source is None:
        hint = 'for example {"task": "cifar10-fp32"}'
        raise invalid([FieldError("source", "a transfer needs what it starts from", hint)])
    return _checked_source(space, quantity, source)


def _checked_source(space: Space, quantity: Quantity, source: SourceCreate) -> dict[str, object]:
    from predictors.shipped import quantities

    if source.task not in space.tasks or source.task == quantity.task:
        others = [task for task in space.tasks if task != quantity.task]
        message = f"{source.task!r} is no other task of {space.public_name}"
        raise invalid([FieldError("source.task", message, f"one of {', '.join(others)}")])
    if source.observations is not None:
        labels = check_labels(
            space, ACCURACY, source.observations, kind="precision", field="source.observations"
        )
        return {"task": source.task, "observations": [list(label) for label in labels]}
    key = Quantity(ACCURACY, task=source.task).key
    if key not in quantities(space.name):
        hint = f"give source.observations, or one of {', '.join(quantities(space.name))}"
        raise invalid([FieldError("source.task", f"no model of {key} ships", hint)])
    return {"task": source.task}
