"""``/v1/jobs/{id}/events``: a job's events as server-sent events, replayed from the store."""

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, Path, Query, Request

from service.dependencies import ServiceDep, TenantDep
from service.events.stream import EventStream
from service.http.connections import client_of
from service.http.problems import documented
from service.http.strict_json import StrictJSONRoute
from service.operations.short_ids import whole_id
from store.database.ids import is_id

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictJSONRoute)

HIGHEST_ID = 2**63 - 1


async def open_stream(request: Request, service: ServiceDep) -> AsyncIterator[None]:
    """A place among the open streams, from before the job is looked for until the client has gone.

    Raises:
        Problem: 429 or 503 where too many are open.
    """
    client = client_of(request.client.host if request.client is not None else "")
    with service.stream_limit.admit(client), service.metrics.streams.track_inprogress():
        yield


@router.get(
    "/{job_id}/events",
    response_class=EventStream,
    status_code=200,
    responses=documented(404, 422, 429, 503),
    dependencies=[Depends(open_stream)],
)
async def stream_events(
    job_id: Annotated[
        str, Path(description="what the 202 called `id`, or as much of it as no other job has")
    ],
    service: ServiceDep,
    tenant: TenantDep,
    after: Annotated[int, Query(ge=0, le=HIGHEST_ID, description="id of the last event already seen")] = 0,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="as `after`; browsers send it when they reconnect"),
    ] = None,
) -> EventStream:
    """The job's events, from the first or after the last one seen; ends when the job has ended.

    The event `state` reports every change of state; the other kinds report what the work does.
    """
    if not is_id(job_id):
        job_id = await to_thread.run_sync(whole_id, service.store, tenant, "job", job_id)
    # A browser sends back whatever id it saw last; what is no id of ours replays from the start.
    if last_event_id is not None:
        text = last_event_id.strip()
        after = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    await service.feed.check(tenant, job_id)
    return EventStream(service.feed, tenant, job_id, after)
