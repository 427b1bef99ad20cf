"""One server over HTTP: calls that are repeated while they fail for now, and event streams."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from netwright.client.errors import BUSY, ServerUnreachable, problem_of
from netwright.client.paths import segment
from netwright.client.sse import JobEvent, read_events

Json = dict[str, Any]
Architecture = str | Mapping[str, str | int | bool]

LONGEST_PAUSE = 10.0
"""Seconds between two attempts at most."""
_PING_SECONDS = 15.0  # the server is never silent for longer on an event stream


class Transport:
    """Sends calls to one server.

    Args:
        base_url: for example ``http://127.0.0.1:8000``.
        timeout: seconds for one call.
        retry_seconds: how long a call that fails for now is repeated.
        transport: how requests are sent; for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float,
        retry_seconds: float,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.retry_seconds = retry_seconds
        self._http = httpx.Client(base_url=self.base_url, timeout=timeout, transport=transport)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def ready(self) -> bool:
        """Whether the server can accept work now; asked once."""
        try:
            return self._http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def workers(self) -> int | None:
        """How many workers the server knows of; asked once, None where it does not say."""
        try:
            response = self._http.get("/readyz")
        except httpx.TransportError:
            return None
        found = response.json().get("workers") if response.is_success else None
        return found if isinstance(found, int) else None

    def call(self, method: str, path: str, **request: Any) -> Json:
        """The JSON that a call answers; empty where the answer has no body.

        Raises:
            ApiError: the server refused.
            ServerUnreachable: it did not answer within ``retry_seconds``.
        """
        response = self.answer(method, path, **request)
        return dict(response.json()) if response.content else {}

    def answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer of one call, repeated while the server is busy or out of reach.

        Every call of the client may be repeated: those that create carry an idempotency key.
        """
        give_up = time.monotonic() + self.retry_seconds
        pause = 0.1
        while True:
            try:
                response = self._http.request(method, path, **request)
            except httpx.TransportError as error:
                if time.monotonic() + pause > give_up:
                    raise ServerUnreachable(f"{self.base_url} does not answer: {error}") from error
                wait = pause
            else:
                if response.is_success:
                    return response
                problem = problem_of(response)
                wait = problem.retry_after or pause
                if problem.status not in BUSY or time.monotonic() + wait > give_up:
                    raise problem
            time.sleep(min(wait, LONGEST_PAUSE))
            pause = min(2 * pause, LONGEST_PAUSE)

    def once(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer of one call that is not repeated.

        Raises:
            ApiError: the server refused.
            ServerUnreachable: the connection broke.
        """
        try:
            response = self._http.request(method, path, **request)
        except httpx.TransportError as error:
            raise ServerUnreachable(f"{self.base_url} does not answer: {error}") from error
        if not response.is_success:
            raise problem_of(response)
        return response

    def stream(self, job_id: str, after: int) -> Iterator[JobEvent]:
        """The events above ``after`` of one connection; ends where the connection does."""
        headers = {"Last-Event-ID": str(after)}
        timeout = httpx.Timeout(10.0, read=3 * _PING_SECONDS)
        path = f"/v1/jobs/{segment(job_id)}/events"
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if not response.is_success:
                response.read()
                raise problem_of(response)
            yield from read_events(response.iter_lines())
