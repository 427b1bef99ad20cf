"""The answer that sends a job's events while they happen."""

import asyncio

import anyio
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.events.feed import Feed, Follower
from service.http.problems import Problem

RECONNECT_MS = 500
PING_SECONDS = 15.0
"""A stream on which nothing happens sends a comment this often, so that proxies do not close it."""
LAST_WORD_SECONDS = 0.5


class EventStream(Response):
    """Server-sent events of one job, until the job has ended, the client leaves or the process ends.

    Args:
        feed: what the events come from.
        tenant_id, job_id: whose and which job.
        after: id of the last event that the client has seen.
    """

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, tenant_id: str, job_id: str, after: int) -> None:
        # For Nginx: events are not to be kept back.
        super().__init__(headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        del self.headers["Content-Length"]
        self.feed, self.tenant_id, self.job_id, self.after = feed, tenant_id, job_id, after
        self._sends = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with anyio.create_task_group() as group:
            group.start_soon(self._until_left, receive, group.cancel_scope)
            with self.feed.follow(self.tenant_id, self.job_id, self.after, group.cancel_scope) as follower:
                await self._write(follower, send)
            group.cancel_scope.cancel()
        # Whoever does not read is not waited for; whoever still sends is given time to read the end.
        with anyio.move_on_after(None if self._sends else LAST_WORD_SECONDS):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, follower: Follower, send: Send) -> None:
        first = format_sse_event(comment=f"events of {self.job_id}", retry=RECONNECT_MS)
        await send({"type": "http.response.body", "body": first, "more_body": True})
        while True:
            try:
                async with asyncio.timeout(PING_SECONDS):
                    frames = await follower.next()
            except TimeoutError:
                await send({"type": "http.response.body", "body": KEEPALIVE_COMMENT, "more_body": True})
                continue
            if not frames:
                return
            text = b"".join(frame.text for frame in frames)
            await send({"type": "http.response.body", "body": text, "more_body": True})

    async def _until_left(self, receive: Receive, stream: anyio.CancelScope) -> None:
        """Ends the stream when its client leaves, or sends a body that is too long or too slow."""
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        except Problem:
            self._sends = True
        stream.cancel()
