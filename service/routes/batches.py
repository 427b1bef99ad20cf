"""``/v1/batches``: many designs as one job, and what each of them gave."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from service.dependencies import IdempotencyKey, JobDep, ServiceDep, StoreDep, TenantDep
from service.http.problems import Problem, documented, finite
from service.http.strict_json import StrictJSONRoute
from service.operations.batch_table import as_csv, batch_rows
from service.operations.batches import batch_items
from service.operations.designs import Orders
from service.schemas import JobPublic
from service.schemas.batches import BatchCreate, BatchDesignList, BatchTable

router = APIRouter(prefix="/v1/batches", tags=["batches"], route_class=StrictJSONRoute)


@router.post(
    "",
    status_code=202,
    responses={
        202: {
            "description": "Accepted: the parent of the designs' jobs",
            "headers": {"Location": {"description": "the job's address", "schema": {"type": "string"}}},
        },
        **documented(400, 408, 409, 413, 415, 422, 503, 507),
    },
)
def create_batch(
    batch: BatchCreate,
    response: Response,
    service: ServiceDep,
    tenant: TenantDep,
    idempotency_key: IdempotencyKey = None,
) -> JobPublic:
    """Orders up to 1,000 designs, all or none; answers with the job that is done when all of them are."""
    items = batch_items(batch, Orders(service, tenant))
    job, created = service.store.submit_batch(
        "design", items, tenant_id=tenant, idempotency_key=idempotency_key
    )
    if created:
        service.metrics.submitted.labels("batch").inc()
        service.metrics.submitted.labels("design").inc(len(items))
    public = JobPublic.of(job)
    response.headers["Location"] = public.urls.self
    return public


@router.get("/{job_id}/designs", response_model=BatchDesignList, responses=documented(404, 422, 503))
def list_designs(
    job: JobDep,
    store: StoreDep,
    tenant: TenantDep,
    after: Annotated[
        int | None, Query(ge=0, le=2**31 - 1, description="index of the last design of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    results: Annotated[bool, Query(description="whether what each gave is answered too")] = True,
) -> Response:
    """The batch's designs in order, with what each has given so far, also while others still run."""
    if not job.children:
        raise Problem(404, f"the {job.kind} job {job.id} is no batch")
    start = -1 if after is None else after
    page, more = store.children(job.id, tenant_id=tenant, after=start, limit=limit, results=results)
    designs = [
        {
            "index": child.position,
            "varied": None,
            **child.label,
            "job": JobPublic.of(child.job).model_dump(mode="json"),
            "result": child.result,
        }
        for child in page
    ]
    content = json.dumps(finite({"designs": designs, "has_more": more}), allow_nan=False)
    return Response(content, media_type="application/json")


@router.get(
    "/{job_id}/table",
    response_model=BatchTable,
    responses={200: {"content": {"text/csv": {}}}, **documented(404, 422, 503)},
)
def show_table(
    job: JobDep,
    store: StoreDep,
    format: Annotated[Literal["json", "csv"], Query(description="of the answer")] = "json",
) -> Response:
    """The batch as one table, a row for each design: task, devices, bounds, the best that it gave so far."""
    if not job.children:
        raise Problem(404, f"the {job.kind} job {job.id} is no batch")
    rows = list(batch_rows(store, job))
    if format == "csv":
        return Response(as_csv(finite(rows)), media_type="text/csv; charset=utf-8")
    content = json.dumps(finite({"batch": job.id, "rows": rows}), allow_nan=False)
    return Response(content, media_type="application/json")
