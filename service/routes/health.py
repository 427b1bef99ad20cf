"""``/healthz``, ``/readyz``, ``/metrics``: what a supervisor and a monitor ask."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse

from service.dependencies import ServiceDep
from service.http.problems import Problem, documented
from service.readiness import OK
from service.schemas import HealthPublic, ReadyPublic

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(service: ServiceDep) -> HealthPublic:
    """That the process answers; says nothing about the database, and waits for no thread."""
    return HealthPublic(status="ok", version=service.version)


@router.get("/readyz", responses=documented(503))
async def readyz(service: ServiceDep) -> ReadyPublic:
    """That work can be accepted: the database takes a write, blobs can be kept.

    `degraded`: work is accepted and waits, since the broker does not answer.
    """
    looked = await service.readiness.look()
    if not looked.ready:
        wrong = "; ".join(f"{name}: {said}" for name, said in looked.checks.items() if said != OK)
        headers = {"Retry-After": str(service.config.retry_after_seconds)}
        raise Problem(503, f"not ready: {wrong}", kind="not-ready", headers=headers)
    well = all(said == OK for said in looked.checks.values())
    return ReadyPublic(
        status="ready" if well else "degraded",
        version=service.version,
        checks=dict(looked.checks),
        workers=looked.workers,
    )


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: ServiceDep) -> Response:
    """Counters in Prometheus' text format."""
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
