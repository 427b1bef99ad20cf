"""``/v1/jobs``: where queued work stands, what came of it, and how to stop or repeat it."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from starlette.responses import Response as RawResponse

from search.request.design_request import FieldError
from service.dependencies import JobDep, Service, ServiceDep, StoreDep, TenantDep
from service.http.problems import Problem, documented, finite, invalid
from service.http.strict_json import StrictJSONRoute
from service.operations.short_ids import whole_cursor
from service.operations.trials import as_csv, evaluations_of
from service.schemas import JobList, JobPublic, ResultPublic
from service.schemas.evaluations import EvaluationList
from store.batches.batch import ANSWERED, NothingToRepeat
from store.jobs.job import Job, JobState, NotFound
from store.networks.network import KIND as NETWORK
from store.predictors.predictor import KIND as PREDICTOR
from store.spaces.space import KIND as SPACE

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictJSONRoute)

StateName = Literal["queued", "running", "succeeded", "failed", "cancelled", "infeasible"]


@router.get("", responses=documented(422, 503))
def list_jobs(
    store: StoreDep,
    tenant: TenantDep,
    after: Annotated[
        str | None, Query(max_length=64, description="id of the last job of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    state: StateName | None = None,
    parent: Annotated[
        str | None, Query(max_length=64, description="the jobs that this batch ordered, and no others")
    ] = None,
) -> JobList:
    """A page of jobs, newest first; those that a batch ordered are left out unless its id is given."""
    wanted = None if state is None else JobState(state)
    try:
        jobs, has_more = store.jobs(
            tenant_id=tenant,
            after=whole_cursor(store, tenant, "job", after),
            limit=limit,
            state=wanted,
            parent_id=whole_cursor(store, tenant, "job", parent, "parent"),
        )
    except NotFound:
        unknown = FieldError("after", f"{after!r} is no job", "the id of the last job you have")
        raise invalid([unknown]) from None
    return JobList(jobs=[JobPublic.of(job) for job in jobs], has_more=has_more)


@router.get("/{job_id}", responses=documented(404, 422, 503))
def show_job(job: JobDep) -> JobPublic:
    """Where a job stands."""
    return JobPublic.of(job)


@router.get("/{job_id}/result", response_model=ResultPublic, responses=documented(404, 409, 422, 503))
def show_result(job: JobDep, service: ServiceDep, tenant: TenantDep) -> Response:
    """What a finished job gives; 409 while there is none."""
    result = service.store.result(job.id, tenant_id=tenant)
    if result is None:
        if not job.state.terminal:
            raise Problem(
                409,
                f"the job is {job.public_state}; it has no result yet",
                kind="no-result-yet",
                headers={"Retry-After": str(service.config.retry_after_seconds)},
            )
        why = f": {job.reason}" if job.reason else ""
        raise Problem(409, f"the job {job.state}{why}; it has no result", kind="no-result")
    if job.children:
        result = _with_addresses(result)
    return RawResponse(json.dumps(finite(result), allow_nan=False), media_type="application/json")


@router.get(
    "/{job_id}/evaluations",
    response_model=EvaluationList,
    responses={200: {"content": {"text/csv": {}}}, **documented(404, 422, 503)},
)
def list_evaluations(
    job: JobDep,
    store: StoreDep,
    format: Annotated[Literal["json", "csv"], Query(description="of the answer")] = "json",
) -> RawResponse:
    """Every evaluation so far, with time, source, client and the prediction made before; JSON or CSV."""
    rows = finite(list(evaluations_of(store, job)))
    if format == "csv":
        return RawResponse(as_csv(rows), media_type="text/csv; charset=utf-8")
    content = json.dumps({"job": job.id, "evaluations": rows}, allow_nan=False)
    return RawResponse(content, media_type="application/json")


def _with_addresses(result: dict[str, object]) -> dict[str, object]:
    """A batch's result with the address of each design's."""
    designs: Any = result["designs"]
    listed = [
        {**each, "result": f"/v1/jobs/{each['id']}/result" if each["state"] in ANSWERED else None}
        for each in designs
    ]
    return {**result, "designs": listed}


@router.post("/{job_id}/cancel", status_code=202, responses=documented(404, 408, 413, 422, 503, 507))
def cancel_job(job: JobDep, store: StoreDep, tenant: TenantDep) -> JobPublic:
    """Asks that a job stop. A job that has ended stays as it is."""
    return JobPublic.of(store.cancel(job.id, tenant_id=tenant))


@router.post("/{job_id}/retry", status_code=202, responses=documented(404, 408, 409, 413, 422, 503, 507))
def retry_job(job: JobDep, response: Response, service: ServiceDep, tenant: TenantDep) -> JobPublic:
    """Orders the work of an ended job again, as a new job that names it.

    Repeating the call gives the same new job. Of a batch, only the designs without an answer are repeated.
    """
    if not job.state.terminal:
        raise Problem(409, f"the job is {job.public_state}; cancel it first, or wait", kind="not-finished")
    again, created = _repeat(service, tenant, job)
    if created:
        service.metrics.submitted.labels(job.kind).inc()
    if job.kind == SPACE:
        service.store.replace_space_job(job.id, again.id, tenant_id=tenant)
    public = JobPublic.of(again)
    response.headers["Location"] = public.urls.self
    return public


def _repeat(service: Service, tenant: str, job: Job) -> tuple[Job, bool]:
    """The job that repeats another, and whether this call created it."""
    if job.children:
        try:
            return service.store.retry_batch(job.id, tenant_id=tenant)
        except NothingToRepeat:
            detail = "every design of the batch got its answer; order it again to repeat it"
            raise Problem(409, detail, kind="nothing-to-repeat") from None
    if job.kind == PREDICTOR:
        # Of a deleted predictor nothing is left to learn from: 404, as its own address says.
        service.store.predictor(str(job.payload["predictor"]), tenant_id=tenant)
    if job.kind == NETWORK:
        service.store.network(str(job.payload["network"]), tenant_id=tenant)
    return service.store.submit(
        job.kind,
        job.payload,
        tenant_id=tenant,
        idempotency_key=f"retry of {job.id}",
        total=job.total,
        retry_of=job.id,
    )
