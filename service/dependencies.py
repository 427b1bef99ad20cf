"""What routes are given: the store, the tables, limits, who asks, and the job that a path names."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Request

from benchmarks.tables import Tables
from service.children.bounded import Bounded
from service.config import ServiceConfig
from service.events.feed import Feed
from service.http.problems import Problem
from service.http.stream_limit import StreamLimit
from service.http.temporary import TemporaryFiles
from service.metrics import Metrics
from service.operations.models import ModelCache
from service.readiness import Readiness
from store.blobs.blobs import Blobs
from store.database.ids import is_id
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
    store: StoreDep, tenant: TenantDep, job_id: Annotated[str, Path(description="what the 202 called `id`")]
) -> Job:
    """The tenant's job that the path names.

    Raises:
        Problem: 404 for text that can be no id.
        NotFound: no such job, or another tenant's.
    """
    if not is_id(job_id):
        raise Problem(404, f"there is no job {job_id!r}")
    return store.job(job_id, tenant_id=tenant)


JobDep = Annotated[Job, Depends(get_job)]
