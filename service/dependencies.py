"""Dependencies of routes: store, tables, limits, tenant, and the job that a path names."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request

from benchmarks.tables import Tables
from service.children.bounded import Bounded
from service.config import ServiceConfig
from service.events.feed import Feed
from service.http.stream_limit import StreamLimit
from service.http.temporary import TemporaryFiles
from service.metrics import Metrics
from service.operations.models import ModelCache
from service.operations.short_ids import whole_id
from service.readiness import Readiness
from store.blobs.blobs import Blobs
from store.jobs.job import Job
from store.port import Store


@dataclass(frozen=True)
class Service:
    """One API process's parts, made once by the app factory."""

    store: Store
    tables: Tables
    config: ServiceConfig
    metrics: Metrics
    science: Bounded
    building: Bounded
    feed: Feed
    stream_limit: StreamLimit
    readiness: Readiness
    version: str
    blobs: Blobs
    models: ModelCache
    temporary: TemporaryFiles


async def get_service(request: Request) -> Service:
    """The parts of the app that answers this request."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


async def get_store(service: Annotated[Service, Depends(get_service)]) -> Store:
    """Where jobs are kept."""
    return service.store


async def get_tenant() -> str:
    """Who asks. Everyone is ``default`` until there are keys."""
    return "default"


ServiceDep = Annotated[Service, Depends(get_service)]
StoreDep = Annotated[Store, Depends(get_store)]
TenantDep = Annotated[str, Depends(get_tenant)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="the same key with the same body gives the job that it created; with another body 409",
    ),
]


def get_job(
    store: StoreDep,
    tenant: TenantDep,
    job_id: Annotated[
        str, Path(description="what the 202 called `id`, or as much of it as no other job has")
    ],
) -> Job:
    """The tenant's job that the path names.

    Raises:
        Problem: 404 for what begins no id; 422 where several begin so.
        NotFound: no such job, or another tenant's.
    """
    return store.job(whole_id(store, tenant, "job", job_id), tenant_id=tenant)


JobDep = Annotated[Job, Depends(get_job)]
