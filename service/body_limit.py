"""How much a client may send, and how slowly: counted while it arrives, with or without Content-Length."""

import asyncio
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import Problem, problem_response


class BodyLimit:
    """ASGI middleware: 413 for a body that is too long, 408 for one that takes too long.

    The answer goes out as soon as the limit is passed. What the client still sends is then thrown away for
    a few seconds, because closing at once would reset the connection before the client has read the answer.

    Args:
        app: what is protected.
        max_bytes: longest body.
        seconds: a body must have arrived whole within this time.
        uploads: path → longest multipart body there; elsewhere, and of any other kind, ``max_bytes`` holds.
        upload_seconds: a multipart body must have arrived there within this time.
        linger_seconds: how long the rest is thrown away.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        seconds: float,
        linger_seconds: float,
        uploads: Mapping[str, int] | None = None,
        upload_seconds: float | None = None,
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.seconds = seconds
        self.linger_seconds = linger_seconds
        self.uploads = uploads or {}
        self.upload_seconds = seconds if upload_seconds is None else upload_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        multipart = headers.get(b"content-type", b"").lower().startswith(b"multipart/form-data")
        if multipart and scope["path"] in self.uploads:
            body = _Body(self, receive, send, self.uploads[scope["path"]], self.upload_seconds)
        else:
            body = _Body(self, receive, send, self.max_bytes, self.seconds)
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > body.max_bytes:
            await problem_response(body.too_long())(scope, receive, body.send)
            return
        await self.app(scope, body.receive, body.send)


class _Body:
    """The body of one request while it arrives."""

    def __init__(
        self, limit: BodyLimit, receive: Receive, send: Send, max_bytes: int, seconds: float
    ) -> None:
        self.limit = limit
        self.max_bytes = max_bytes
        self.seconds = seconds
        self._receive = receive
        self._send = send
        self.deadline = time.monotonic() + seconds
        self.count = 0
        self.complete = False
        self.refused = False

    def too_long(self) -> Problem:
        self.refused = True
        return Problem(
            413,
            f"the body is longer than {self.max_bytes:,} bytes; split it over several calls",
            headers={"Connection": "close"},
        )

    async def receive(self) -> Message:
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self.deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            self.refused = True
            detail = f"the body did not arrive within {self.seconds:g} s"
            raise Problem(408, detail, headers={"Connection": "close"}) from None
        self.count += len(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.count > self.max_bytes:
            raise self.too_long()
        return message

    async def send(self, message: Message) -> None:
        if self.refused and message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self.linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def linger(self) -> None:
        """Throws away what the client still sends, for a while."""
        try:
            async with asyncio.timeout(self.limit.linger_seconds):
                while not self.complete:
                    message = await self._receive()
                    self.complete = not message.get("more_body", False)
        except TimeoutError:
            pass
