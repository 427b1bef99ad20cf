"""``/healthz``, ``/readyz``, ``/metrics``: what a supervisor and a monitor ask."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import PlainTextResponse

from service.dependencies import ServiceDep, StoreDep
from service.problems import documented
from service.schemas import HealthPublic

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz(service: ServiceDep) -> HealthPublic:
    """That the process answers; says nothing about the database, and waits for no thread."""
    return HealthPublic(status="ok", version=service.version)


@router.get("/readyz", responses=documented(503))
def readyz(service: ServiceDep, store: StoreDep) -> HealthPublic:
    """That work can be accepted: the database answers."""
    store.ping()
    return HealthPublic(status="ready", version=service.version)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: ServiceDep) -> Response:
    """Counters in Prometheus' text format."""
    return Response(generate_latest(service.metrics.registry), media_type=CONTENT_TYPE_LATEST)
