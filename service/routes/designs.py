"""``/v1/designs``: orders for architectures. Each becomes a job."""

from fastapi import APIRouter, Response

from service.dependencies import IdempotencyKey, ServiceDep, TenantDep
from service.http.problems import documented
from service.http.strict_json import StrictJSONRoute
from service.operations.designs import Orders
from service.schemas import DesignCreate, JobPublic

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
    order = Orders(service, tenant).check(design)
    job, created = service.store.submit(
        "design",
        order.payload,
        tenant_id=tenant,
        idempotency_key=idempotency_key,
        total=order.request.evaluations,
    )
    if created:
        service.metrics.submitted.labels("design").inc()
    public = JobPublic.of(job)
    response.headers["Location"] = public.urls.self
    return public
