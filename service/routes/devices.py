"""``/v1/devices``: the machines whose costs were measured, by the tables or by the tenant."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Response

from benchmarks.tables import Tables
from service.dependencies import Service, ServiceDep, TenantDep
from service.http.pagination import After, Limit, page
from service.http.problems import Problem, documented
from service.http.strict_json import StrictJSONRoute
from service.operations.devices import MAX_DEVICES, check_device, with_observed
from service.schemas import (
    CrossValidationPublic,
    DeviceCreate,
    DeviceList,
    DevicePublic,
    MeasuredDevicePublic,
)
from spaces.known import get_space, space_names
from store.devices.device import Device

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=StrictJSONRoute)

OWN = "measured by you"


@router.get("", responses=documented(422, 503))
def list_devices(
    service: ServiceDep,
    tenant: TenantDep,
    space: Annotated[str | None, Query(max_length=200)] = None,
    after: After = None,
    limit: Limit = 20,
) -> DeviceList:
    """The tables' devices and those that you added, by space and name; ``after`` is ``space/name``."""
    names = [name for name in space_names() if space in (None, name)]
    devices = [device for name in names for device in _devices(service.tables, name)]
    devices += [_own(device) for device in service.store.devices(tenant_id=tenant) if device.space in names]
    chosen, has_more = page(devices, lambda device: f"{device.space}/{device.name}", after, limit)
    return DeviceList(devices=chosen, has_more=has_more)


@router.post("", status_code=201, responses=documented(400, 408, 409, 413, 415, 422, 503, 507))
async def create_device(
    request: DeviceCreate, service: ServiceDep, tenant: TenantDep
) -> MeasuredDevicePublic:
    """Learns a device from measurements; its name is then known to predictions and designs.

    Measurements of the same name replace those that were given before; what a `study` observed of the device
    joins them. Which architectures to measure, `/v1/spaces/{space}/probe` says.
    """
    return await service.building.run(_add, request, service, tenant)


@router.delete("/{name}", status_code=204, responses=documented(404, 409, 422, 503))
def delete_device(
    name: str,
    service: ServiceDep,
    tenant: TenantDep,
    space: Annotated[str, Query(max_length=200, description="whose architectures were measured")],
) -> Response:
    """Removes a device that you added, unless predictors of yours need it; the tables' own stay."""
    needed = _needing(service, tenant, space, name)
    if needed:
        detail = f"predictors need the device {name!r}; delete them first: {', '.join(needed)}"
        raise Problem(409, detail, kind="device-in-use")
    service.store.delete_device(space, name, tenant_id=tenant)
    return Response(status_code=204)


def _needing(service: Service, tenant: str, space: str, name: str) -> list[str]:
    """The tenant's predictors of a device of his own: without it no request could name their quantity."""
    if space not in space_names() or name in get_space(space).devices:
        return []
    ids: list[str] = []
    after, more = None, True
    while more:
        page, more = service.store.predictors(tenant_id=tenant, space=space, after=after, limit=100)
        ids += [entry.id for entry in page if entry.spec.device == name]
        after = page[-1].id if page else None
    return ids


def _add(request: DeviceCreate, service: Service, tenant: str) -> MeasuredDevicePublic:
    """Runs in a thread."""
    from predictors.devices.measured import MeasuredDevice
    from predictors.devices.shipped import load

    measurements = check_device(with_observed(request, service.store, tenant))
    others = [
        d
        for d in service.store.devices(tenant_id=tenant)
        if (d.space, d.name) != (request.space, request.name)
    ]
    if len(others) >= MAX_DEVICES:
        raise Problem(409, f"there are {MAX_DEVICES} devices already", kind="too-many-devices")
    device = MeasuredDevice(request.space, request.name, request.metric, measurements)
    codes = get_space(request.space).parse_many(architecture for architecture, _ in measurements)
    values = np.array([value for _, value in measurements])
    quality = load(request.space).cross_validate(codes, values)
    service.store.put_device(request.space, request.name, request.metric, measurements, tenant_id=tenant)
    return MeasuredDevicePublic(
        device=device.name,
        space=device.space,
        metric=device.metric,
        measurements=len(measurements),
        cross_validation=CrossValidationPublic(spearman=quality.spearman, coverage=quality.coverage),
        model=device.predictor().digest(),
    )


def _own(device: Device) -> DevicePublic:
    return DevicePublic(
        space=device.space,
        name=device.name,
        metrics=[f"{device.metric}@{device.name}"],
        source=OWN,
        available=True,
        reason=None,
        measurements=len(device.measurements),
    )


def _devices(tables: Tables, space: str) -> Iterator[DevicePublic]:
    columns = [column for column in tables.columns(space) if column.quantity.device is not None]
    for name in {str(column.quantity.device): None for column in columns}:
        own = [column for column in columns if column.quantity.device == name]
        reasons = [tables.available(space, column.key) for column in own]
        reason = next((reason for reason in reasons if reason is not None), None)
        yield DevicePublic(
            space=space,
            name=name,
            metrics=[column.key for column in own],
            source=own[0].source,
            available=reason is None,
            reason=reason,
        )
