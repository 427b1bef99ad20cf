"""``/v1/networks``: architectures trained on all images, to take away as bundles."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from networks.training.order import NetworkOrder
from service.children.bounded import Bounded
from service.dependencies import IdempotencyKey, Service, ServiceDep, StoreDep, TenantDep
from service.http.pagination import AfterId, Limit
from service.http.problems import Problem, documented
from service.http.strict_json import StrictJSONRoute
from service.operations.networks import check_network
from service.operations.short_ids import page_behind, whole_id
from service.schemas.networks import NetworkCreate, NetworkJobPublic, NetworkList, TrainedNetworkPublic
from store.blobs.blobs import BlobDamaged, BlobNotFound
from store.datasets.dataset import DATASETS
from store.jobs.job import Job
from store.jobs.place import PLACE
from store.networks.network import StoredNetwork, TooManyNetworks

router = APIRouter(prefix="/v1/networks", tags=["networks"], route_class=StrictJSONRoute)

MOST = 1_000
"""Networks of one tenant."""
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": NetworkJobPublic,
        "description": "Accepted: the job that trains it",
        "headers": {"Location": {"description": "the job's address", "schema": {"type": "string"}}},
    }
}


def get_network(
    store: StoreDep,
    tenant: TenantDep,
    network_id: Annotated[str, Path(description="its `id`, or as much of it as no other network has")],
) -> StoredNetwork:
    """The tenant's network that the path names.

    Raises:
        Problem: 404 for what begins no id; 422 where several begin so.
        NotFound: no such network, or another tenant's.
    """
    return store.network(whole_id(store, tenant, "network", network_id), tenant_id=tenant)


NetworkDep = Annotated[StoredNetwork, Depends(get_network)]


@router.post(
    "", status_code=202, responses={**ACCEPTED, **documented(400, 404, 408, 409, 413, 415, 422, 503, 507)}
)
async def create_network(
    request: NetworkCreate,
    response: Response,
    service: ServiceDep,
    tenant: TenantDep,
    idempotency_key: IdempotencyKey = None,
) -> NetworkJobPublic:
    """Orders the training of one architecture on all training images; answers at once with its job.

    The test images are never used to choose: the job's result reports the accuracy on them once.
    """
    job, made = await service.science.run(_create, request, service, tenant, idempotency_key)
    public = NetworkJobPublic.training(job, made.id)
    response.headers["Location"] = public.urls.self
    return public


def _create(
    request: NetworkCreate, service: Service, tenant: str, key: str | None
) -> tuple[Job, StoredNetwork]:
    """Runs in a thread."""
    spec = check_network(request, service, tenant)
    order = {name: value for name, value in spec.order.items() if name not in (DATASETS, PLACE)}
    try:
        made, job, created = service.store.create_network(
            spec,
            tenant_id=tenant,
            idempotency_key=key,
            total=NetworkOrder.from_dict(order).steps,
            most=MOST,
        )
    except TooManyNetworks:
        detail = f"there are {MOST:,} networks already; delete one first"
        raise Problem(409, detail, kind="too-many-networks") from None
    if created:
        service.metrics.submitted.labels(job.kind).inc()
    return job, made


@router.get("", responses=documented(422, 503))
def list_networks(
    store: StoreDep,
    tenant: TenantDep,
    after: AfterId = None,
    limit: Limit = 20,
) -> NetworkList:
    """A page of your networks, newest first."""
    found, has_more = page_behind(
        store,
        tenant,
        "network",
        after,
        lambda last: store.networks(tenant_id=tenant, after=last, limit=limit),
    )
    return NetworkList(networks=[TrainedNetworkPublic.of(entry) for entry in found], has_more=has_more)


@router.get("/{network_id}", responses=documented(404, 422, 503))
def show_network(found: NetworkDep) -> TrainedNetworkPublic:
    """What a network is, how its training stands, and what its files measure."""
    return TrainedNetworkPublic.of(found)


@router.get(
    "/{network_id}/bundle",
    response_class=Response,
    responses={
        200: {"description": "The files", "content": {"application/zip": {}}},
        **documented(404, 409, 422, 503),
    },
)
async def network_bundle(found: NetworkDep, request: Request, service: ServiceDep) -> Response:
    """A zip: weights, torch file, ONNX as trained and with eight bits, labels, ``predict.py``, the card."""
    if found.bundle is None:
        why = f": {found.reason}" if found.reason else ""
        raise Problem(409, f"the network's job is {found.job_state}{why}; it has no bundle", kind="no-bundle")
    exports: Bounded = request.app.state.exports
    content = await exports.run(_read, service, found.bundle)
    name = f"network-{found.id[-8:]}.zip"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{found.bundle}"',
    }
    return Response(content, media_type="application/zip", headers=headers)


def _read(service: Service, name: str) -> bytes:
    """Runs in a thread."""
    try:
        return service.blobs.get(name)
    except (BlobNotFound, BlobDamaged):
        raise Problem(404, "the bundle is no longer kept; train it again", kind="no-bundle") from None


@router.delete("/{network_id}", status_code=204, responses=documented(404, 422, 503))
def delete_network(found: NetworkDep, service: ServiceDep) -> Response:
    """Removes a network with its weights and bundle; stops its training."""
    service.store.delete_network(found.id, tenant_id=found.tenant_id)
    return Response(status_code=204)
