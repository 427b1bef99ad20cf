"""How much a client may send, and how slowly: counted while it arrives, with or without Content-Length."""

import asyncio
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.http.budget import Budget, Full, client_in
from service.http.problems import Problem, problem_response

_CLOSE = {"Connection": "close"}


class BodyLimit:
    """ASGI middleware: 413 for a body that is too long, 408 for one that takes too long, 503 for too many.

    The answer goes out as soon as the limit is passed, and ends the connection;
    :mod:`service.http.protocol` sees to it that the client can read it although it still sends.

    Args:
        app: what is protected.
        max_bytes: longest body.
        seconds: a body must have arrived whole within this time.
        uploads: path → longest multipart body there; elsewhere, and of any other kind, ``max_bytes`` holds.
        upload_seconds: a multipart body must have arrived there within this time.
        streams: content type → longest body of a kind that is taken piece by piece: each must arrive within
            ``seconds``, the whole may take longer.
        memory: what all other bodies may take together, from their arrival to the end of their answers.
        retry_after_seconds: what ``Retry-After`` says when there is no room for its body.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        seconds: float,
        memory: Budget,
        uploads: Mapping[str, int] | None = None,
        upload_seconds: float | None = None,
        streams: Mapping[str, int] | None = None,
        retry_after_seconds: int = 2,
    ) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.seconds = seconds
        self.memory = memory
        self.uploads = uploads or {}
        self.upload_seconds = seconds if upload_seconds is None else upload_seconds
        self.streams = {kind.encode(): most for kind, most in (streams or {}).items()}
        self.retry_after_seconds = retry_after_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").lower()
        multipart = kind.startswith(b"multipart/form-data")
        if scope["method"] == "PATCH" and (streamed := kind.partition(b";")[0].strip()) in self.streams:
            body = _Body(self, receive, self.streams[streamed], self.seconds, renewed=True)
        elif multipart and scope["path"] in self.uploads:
            # It goes to a file, which has a budget of its own.
            body = _Body(self, receive, self.uploads[scope["path"]], self.upload_seconds)
        else:
            body = _Body(self, receive, self.max_bytes, self.seconds, client_in(scope))
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared[:20]) > body.max_bytes:
            await problem_response(body.too_long())(scope, receive, send)
            return
        try:
            await self.app(scope, body.receive, send)
        finally:
            body.give_back()


class _Body:
    """The body of one request while it arrives; ``client`` is None where it is not held in memory."""

    def __init__(
        self,
        limit: BodyLimit,
        receive: Receive,
        max_bytes: int,
        seconds: float,
        client: str | None = None,
        *,
        renewed: bool = False,
    ) -> None:
        self.limit = limit
        self.max_bytes = max_bytes
        self.seconds = seconds
        self.client = client
        self.renewed = renewed
        self._receive = receive
        self.deadline = time.monotonic() + seconds
        self.count, self.held = 0, 0
        self.complete = False

    def too_long(self) -> Problem:
        detail = f"the body is longer than {self.max_bytes:,} bytes; split it over several calls"
        return Problem(413, detail, headers=_CLOSE)

    async def receive(self) -> Message:
        if self.complete:
            return await self._receive()
        try:
            async with asyncio.timeout(self.deadline - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            detail = f"the body did not arrive within {self.seconds:g} s"
            raise Problem(408, detail, headers=_CLOSE) from None
        part = len(message.get("body", b""))
        if self.renewed:
            self.deadline = time.monotonic() + self.seconds
        self.count += part
        self.complete = not message.get("more_body", False)
        if self.count > self.max_bytes:
            raise self.too_long()
        if self.client is not None and part:
            self._hold(self.client, part)
        return message

    def _hold(self, client: str, count: int) -> None:
        try:
            self.limit.memory.take(client, count)
        except Full:
            detail = "the bodies of other requests take all the memory that there is for them"
            headers = {**_CLOSE, "Retry-After": str(self.limit.retry_after_seconds)}
            raise Problem(503, detail, kind="busy", headers=headers) from None
        self.held += count

    def give_back(self) -> None:
        if self.client is not None:
            self.limit.memory.give_back(self.client, self.held)
            self.held = 0
