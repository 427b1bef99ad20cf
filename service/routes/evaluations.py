"""``/v1/evaluations``: evaluations that designs hand to whoever asks, under leases."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path

from search.request.design_request import FieldError
from service.dependencies import ServiceDep, StoreDep, TenantDep
from service.http.problems import Problem, documented, invalid
from service.http.strict_json import StrictJSONRoute
from service.operations.external import told_values
from service.operations.short_ids import whole_id
from service.schemas.evaluations import (
    ClaimCreate,
    ClaimedPublic,
    EvaluationPublic,
    ExternalResultCreate,
    HeartbeatCreate,
    ResultTaken,
)
from store.external.evaluation import Ended
from store.jobs.job import LeaseLost

router = APIRouter(prefix="/v1/evaluations", tags=["evaluations"], route_class=StrictJSONRoute)

EvaluationId = Annotated[str, Path(description="its `id`, as claiming gave it", max_length=64)]


@router.post("/claim", responses=documented(400, 404, 408, 413, 415, 422, 503, 507))
async def claim_evaluation(asked: ClaimCreate, service: ServiceDep, tenant: TenantDep) -> ClaimedPublic:
    """The evaluation that waits longest, of one design or of any; null where none waits.

    It is yours until `lease_until`; each heartbeat extends that.
    """
    store = service.store
    job = None if asked.job is None else whole_id(store, tenant, "job", asked.job, "job")
    claim = await service.science.run(
        partial(store.claim_evaluation, asked.client_id, job_id=job, tenant_id=tenant)
    )
    return ClaimedPublic(evaluation=None if claim is None else EvaluationPublic.of(claim))


@router.post("/{evaluation_id}/heartbeat", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def renew_evaluation(
    asked: HeartbeatCreate, evaluation_id: EvaluationId, service: ServiceDep, tenant: TenantDep
) -> EvaluationPublic:
    """Extends a claim; `stopped` says that nobody waits for it any more. 409 where it is not yours."""
    renew = partial(service.store.renew_claim, evaluation_id, asked.token, tenant_id=tenant)
    try:
        return EvaluationPublic.of(await service.science.run(renew))
    except LeaseLost as error:
        raise _lost(error) from None


@router.post("/{evaluation_id}/result", responses=documented(400, 404, 408, 409, 413, 415, 422, 503, 507))
async def end_evaluation(
    told: ExternalResultCreate, evaluation_id: EvaluationId, service: ServiceDep, tenant: TenantDep
) -> ResultTaken:
    """Tells what an evaluation brought, or why it failed; again is harmless. 409: it is not yours."""
    return await service.science.run(_end, told, evaluation_id, service.store, tenant)


def _end(told: ExternalResultCreate, evaluation_id: str, store: StoreDep, tenant: str) -> ResultTaken:
    """Runs in a thread."""
    if (told.values is None) == (told.failed is None):
        hint = "give one of them"
        raise invalid([FieldError("values", "needs either values or the reason why it failed", hint)])
    try:
        offer = store.evaluation_of_claim(evaluation_id, told.token, tenant_id=tenant)
        values = {} if told.values is None else told_values(offer, told.values)
        ended = Ended(values, told.failed, told.seconds, None, {})
        return ResultTaken(news=store.end_evaluation(evaluation_id, told.token, ended, tenant_id=tenant))
    except LeaseLost as error:
        raise _lost(error) from None


def _lost(error: LeaseLost) -> Problem:
    return Problem(409, str(error), kind="lease-lost")
