"""``/v1/predictors``: predictors of one's own, trained from observations and refined with more."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from starlette.responses import JSONResponse

from service.dependencies import IdempotencyKey, Service, ServiceDep, StoreDep, TenantDep
from service.http.pagination import AfterId, Limit
from service.http.problems import Problem, documented
from service.http.strict_json import StrictJSONRoute
from service.operations.observations import check_labels, check_predictor
from service.operations.refine import observe as learn
from service.operations.short_ids import page_behind, whole_id
from service.operations.spaces import find_space
from service.schemas.predictors import (
    ObserveCreate,
    PredictorCreate,
    PredictorList,
    PredictorPublic,
    TrainingPublic,
)
from spaces.declared.kept import space_named
from spaces.known import space_names
from store.jobs.job import Job
from store.predictors.predictor import StoredPredictor, TooManyPredictors

router = APIRouter(prefix="/v1/predictors", tags=["predictors"], route_class=StrictJSONRoute)

MOST = 100
"""Predictors of one tenant."""
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "model": TrainingPublic,
        "description": "Accepted: the job that trains it",
        "headers": {"Location": {"description": "the job's address", "schema": {"type": "string"}}},
    }
}


def get_predictor(
    store: StoreDep,
    tenant: TenantDep,
    predictor_id: Annotated[str, Path(description="its `id`, or as much of it as no other predictor has")],
) -> StoredPredictor:
    """The tenant's predictor that the path names.

    Raises:
        Problem: 404 for what begins no id; 422 where several begin so.
        NotFound: no such predictor, or another tenant's.
    """
    return store.predictor(whole_id(store, tenant, "predictor", predictor_id), tenant_id=tenant)


PredictorDep = Annotated[StoredPredictor, Depends(get_predictor)]


@router.post(
    "", status_code=202, responses={**ACCEPTED, **documented(400, 404, 408, 409, 413, 415, 422, 503, 507)}
)
async def create_predictor(
    request: PredictorCreate,
    response: Response,
    service: ServiceDep,
    tenant: TenantDep,
    idempotency_key: IdempotencyKey = None,
) -> TrainingPublic:
    """Orders a predictor; answers at once with the job that trains it and the predictor's id."""
    job, made = await service.building.run(_create, request, service, tenant, idempotency_key)
    public = TrainingPublic.training(job, made.id)
    response.headers["Location"] = public.urls.self
    return public


def _create(
    request: PredictorCreate, service: Service, tenant: str, key: str | None
) -> tuple[Job, StoredPredictor]:
    """Runs in a thread."""
    spec, labels = check_predictor(request, service.store, tenant)
    try:
        made, job, created = service.store.create_predictor(
            spec, labels, tenant_id=tenant, idempotency_key=key, most=MOST
        )
    except TooManyPredictors:
        detail = f"there are {MOST} predictors already; delete one first"
        raise Problem(409, detail, kind="too-many-predictors") from None
    if created:
        service.metrics.submitted.labels(job.kind).inc()
    return job, made


@router.get("", responses=documented(422, 503))
def list_predictors(
    store: StoreDep,
    tenant: TenantDep,
    space: Annotated[str | None, Query(max_length=200)] = None,
    after: AfterId = None,
    limit: Limit = 20,
) -> PredictorList:
    """A page of your predictors, newest first."""
    if space is not None and space not in space_names():
        with suppress(Problem):  # none is in a space that there is not
            space = find_space(store, tenant, space).space.name
    found, has_more = page_behind(
        store,
        tenant,
        "predictor",
        after,
        lambda last: store.predictors(tenant_id=tenant, space=space, after=last, limit=limit),
    )
    return PredictorList(predictors=[PredictorPublic.of(entry) for entry in found], has_more=has_more)


@router.get("/{predictor_id}", responses=documented(404, 422, 503))
def show_predictor(found: PredictorDep) -> PredictorPublic:
    """What a predictor predicts, how well, and by which weights."""
    return PredictorPublic.of(found)


@router.post(
    "/{predictor_id}/observe",
    response_model=PredictorPublic,
    responses={**ACCEPTED, **documented(400, 404, 408, 409, 413, 415, 422, 503, 507)},
)
async def observe_predictor(
    request: ObserveCreate,
    found: PredictorDep,
    service: ServiceDep,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Adds observations: 200 where they are learned at once, 202 and a job where that takes longer.

    The version before answers until the new one is trained.
    """
    stored, job = await service.building.run(_observe, request, found, service, idempotency_key)
    if job is None:
        return JSONResponse(PredictorPublic.of(stored).model_dump(mode="json"))
    service.metrics.submitted.labels(job.kind).inc()
    public = TrainingPublic.training(job, stored.id)
    headers = {"Location": public.urls.self}
    return JSONResponse(public.model_dump(mode="json"), status_code=202, headers=headers)


def _observe(
    request: ObserveCreate, found: StoredPredictor, service: Service, key: str | None
) -> tuple[StoredPredictor, Job | None]:
    """Runs in a thread."""
    spec = found.spec
    space, known = space_named(spec.space, spec.source), found.latest.labels
    labels = check_labels(space, spec.metric, request.observations, kind=spec.kind, known=known)
    return learn(service, found, labels, key=key)


@router.delete("/{predictor_id}", status_code=204, responses=documented(404, 422, 503))
def delete_predictor(found: PredictorDep, service: ServiceDep) -> Response:
    """Removes a predictor with its observations and weights; stops its training."""
    service.store.delete_predictor(found.id, tenant_id=found.tenant_id)
    return Response(status_code=204)
