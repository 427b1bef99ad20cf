"""Devices that tenants have measured: from a request to the store, and from the store to a prediction."""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np

from predictors.devices.measured import MeasuredDevice
from search.evaluator import WORKER
from search.request.design_request import FieldError
from service.http.problems import Problem, invalid
from service.operations.architectures import parse_architectures
from service.operations.short_ids import whole_id
from service.operations.studies import request_of
from service.schemas import DeviceCreate
from service.schemas.devices import MOST_MEASUREMENTS, MeasurementCreate
from spaces.known import get_space, space_names
from spaces.metric import Quantity
from store.jobs.job import NotFound
from store.port import Store
from store.studies.study import FULL

MAX_DEVICES = 100
"""Of one tenant."""


def check_device(request: DeviceCreate) -> tuple[tuple[str, float], ...]:
    """The measurements with canonical strings.

    Raises:
        Problem: 422 that names the field: an unknown space, metric or architecture, a name of the tables'
            devices or of the workers', or measurements that no device can be learned from.
    """
    from predictors.devices.measurements import InvalidMeasurements, check_measurements

    check_modelled(request.space, request.metric)
    space = get_space(request.space)
    if request.name in space.devices:
        taken = FieldError("name", f"{request.name!r} is a device of the tables", "choose another name")
        raise invalid([taken])
    if request.name == WORKER:
        reserved = FieldError(
            "name", f"{WORKER!r} is the machine that a worker runs on", "choose another name"
        )
        raise invalid([reserved])
    try:
        codes = parse_architectures(
            space, [item.architecture for item in request.measurements], "measurements"
        )
    except Problem as problem:
        # The list is not of architectures here, but of objects that hold one.
        raise invalid(
            [FieldError(f"{e.field}.architecture", e.message, e.hint) for e in problem.errors]
        ) from None
    values = [item.value for item in request.measurements]
    try:
        check_measurements(codes, np.array(values, dtype=np.float64))
    except InvalidMeasurements as error:
        place = "" if error.index is None else f"[{error.index}].{error.field}"
        hint = "give each architecture once, with the median of its repeats"
        raise invalid([FieldError(f"measurements{place}", error.message, hint)]) from None
    return tuple(zip(space.format(codes), values, strict=True))


def with_observed(request: DeviceCreate, store: Store, tenant: str) -> DeviceCreate:
    """A request that names a study, with measurements in its place: what the device has, and what the study
    observed of it. Of an architecture that is in both the observation counts, of too many the newest.

    Raises:
        Problem: 404 for no study; 422 where measurements are given too, where the study is of another space,
            or where it observed nothing of the device.
    """
    if request.study is None:
        return request
    if request.measurements:
        raise invalid([FieldError("measurements", "are given beside a study", "give one of the two")])
    check_modelled(request.space, request.metric)
    study = store.study(whole_id(store, tenant, "study", request.study, "study"), tenant_id=tenant)
    space = request_of(study).problem().space
    if space.network_space.name != request.space:
        message = f"the study searches {space.network_space.name}, the device is of {request.space}"
        raise invalid([FieldError("study", message, "name a study of the device's space")])
    key = Quantity(request.metric, device=request.name).key
    seen = [
        (each.observation.architecture, each.observation.values[key])
        for each in store.study_observations(study.id, tenant_id=tenant)
        if each.observation.failed is None and each.observation.fidelity == FULL
        if key in each.observation.values
    ]
    if not seen:
        hint = f"observe {key} in it first, or name another study"
        raise invalid([FieldError("study", f"the study observed no {key}", hint)])
    names = space.network_space.format(space.networks(space.parse_many([name for name, _ in seen])))
    together: dict[str, float] = {}
    with suppress(NotFound):
        device = store.device(request.space, request.name, tenant_id=tenant)
        together |= device.measurements if device.metric == request.metric else ()
    for name, (_, value) in zip(names, seen, strict=True):
        together.pop(name, None)  # the newest come last
        together[name] = value
    newest = list(together.items())[-MOST_MEASUREMENTS:]
    measurements = [MeasurementCreate(architecture=name, value=value) for name, value in newest]
    return request.model_copy(update={"measurements": measurements})


def check_modelled(space: str, metric: str) -> None:
    """Refuses a space or metric without a shared device model.

    Raises:
        Problem: 422 that names the field.
    """
    from predictors.devices.shipped import METRIC, spaces_with_devices

    if space not in space_names():
        known = f"known are {', '.join(space_names())}"
        raise invalid([FieldError("space", f"{space!r} is no space", known)])
    if space not in spaces_with_devices():
        known = f"there is one of {', '.join(spaces_with_devices())}"
        raise invalid([FieldError("space", f"no device model of {space} ships", known)])
    if metric != METRIC:
        raise invalid([FieldError("metric", f"no device model of {metric!r} ships", f"use {METRIC}")])


def named_devices(store: Store, tenant: str, space: str, names: Iterable[str | None]) -> list[MeasuredDevice]:
    """The tenant's own devices among these names; asks the store only for what no table has."""
    if space not in space_names():
        return []
    wanted = {name for name in names if name is not None and name not in get_space(space).devices}
    if not wanted:
        return []
    return [
        MeasuredDevice(device.space, device.name, device.metric, device.measurements)
        for device in store.devices(tenant_id=tenant, space=space)
        if device.name in wanted
    ]
