"""``/v1/designs``: orders for architectures. Each becomes a job."""

from fastapi import APIRouter, Response

from search.answerable import check_answerable
from search.request import parse_request
from service.declared import find_space
from service.dependencies import IdempotencyKey, ServiceDep, TenantDep
from service.measured import named_devices
from service.problems import documented
from service.schemas import DesignCreate, JobPublic
from service.strict_json import StrictJSONRoute

router = APIRouter(prefix="/v1/designs", tags=["designs"], route_class=StrictJSONRoute)


@router.post(
    "",
    status_code=202,
    responses={
        202: {
            "description": "Accepted: the job that will do it",
            "headers": {"Location": {"description": "the job's address", "schema": {"type": "string"}}},
        },
        **documented(400, 408, 409, 413, 415, 422, 503, 507),
    },
)
def create_design(
    design: DesignCreate,
    response: Response,
    service: ServiceDep,
    tenant: TenantDep,
    idempotency_key: IdempotencyKey = None,
) -> JobPublic:
    """Orders architectures; answers at once with the job that designs them."""
    names = [item.device for item in (*design.constraints, *design.objectives)]
    measured = named_devices(service.store, tenant, design.space, names)
    found = find_space(service.store, tenant, design.space)
    request = parse_request(design.model_dump() | {"space": found.space.name}, measured)
    check_answerable(request, service.tables, service.config.images)
    job, created = service.store.submit(
        "design",
        request.to_dict() | found.payload(service.store),
        tenant_id=tenant,
        idempotency_key=idempotency_key,
        total=request.evaluations,
    )
    if created:
        service.metrics.submitted.labels("design").inc()
    public = JobPublic.of(job)
    response.headers["Location"] = public.urls.self
    return public
