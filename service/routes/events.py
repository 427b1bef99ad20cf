"""``/v1/jobs/{id}/events``: a job's events as server-sent events, replayed from the store."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.dependencies import JobDep, ServiceDep, TenantDep
from service.problems import documented, finite
from service.strict_json import StrictJSONRoute

router = APIRouter(prefix="/v1/jobs", tags=["jobs"], route_class=StrictJSONRoute)

RECONNECT_MS = 500
HIGHEST_ID = 2**63 - 1


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=documented(404, 422, 503))
async def stream_events(
    job: JobDep,
    service: ServiceDep,
    tenant: TenantDep,
    after: Annotated[int, Query(ge=0, le=HIGHEST_ID, description="id of the last event already seen")] = 0,
    last_event_id: Annotated[
        str | None,
        Header(alias="Last-Event-ID", description="as `after`; browsers send it when they reconnect"),
    ] = None,
) -> AsyncIterator[ServerSentEvent]:
    """The job's events, from the first or after the last one seen; ends when the job has ended.

    The event `state` tells every change of state; the other kinds tell what the work does.
    """
    # A browser sends back whatever id it saw last; what is no id of ours replays from the start.
    if last_event_id is not None:
        text = last_event_id.strip()
        seen = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
    else:
        seen = after
    with service.metrics.streams.track_inprogress():
        yield ServerSentEvent(comment=f"events of {job.id}", retry=RECONNECT_MS)
        async for event in service.feed.follow(tenant, job.id, seen):
            data = {**finite(event.data), "at": event.at.isoformat()}
            yield ServerSentEvent(id=str(event.id), event=event.kind, data=data)
