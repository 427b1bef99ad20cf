"""What goes wrong between the client and the server."""

from dataclasses import dataclass
from typing import Any

import httpx

BUSY = (429, 503)
"""Statuses of a server that asks to come again later."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with a request: where, what, and what would be right."""

    field: str
    message: str
    hint: str


class ApiError(Exception):
    """The server refused a call.

    Retry policy: never for 4xx, mend the request (``errors`` names the fields); for 429 and 503 the client
    has already repeated the call for ``retry_seconds``.

    Args:
        status: of the HTTP answer.
        title: its short name.
        detail: what is wrong, in a sentence.
        errors: what is wrong, field by field.
        kind: the problem's type, for programs.
        retry_after: seconds after which the server asks to come again.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        errors: tuple[FieldProblem, ...] = (),
        kind: str = "about:blank",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors
        self.kind = kind
        self.retry_after = retry_after


class ServerUnreachable(Exception):
    """No answer within the client's ``retry_seconds``; worth a retry once the server runs."""


class JobEnded(Exception):
    """The job failed or was cancelled, so there is no result; order it again with ``JobHandle.retry``."""

    def __init__(self, job: dict[str, Any]) -> None:
        super().__init__(f"job {job['id']} {job['state']}: {job['reason'] or 'no reason given'}")
        self.job = job


def problem_of(response: httpx.Response) -> ApiError:
    """The error that an answer describes; one that no Netwright server wrote has only its status."""
    after = response.headers.get("Retry-After", "")
    retry_after = float(after) if after.isdigit() else None
    try:
        body = response.json()
        errors = tuple(
            FieldProblem(item["field"], item["message"], item.get("hint", "")) for item in body["errors"]
        )
        return ApiError(
            response.status_code, body["title"], body["detail"], errors, body["type"], retry_after
        )
    except (ValueError, KeyError, TypeError):
        return ApiError(
            response.status_code, response.reason_phrase, response.text[:300], (), "about:blank", retry_after
        )
