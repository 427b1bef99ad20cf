"""Errors as ``application/problem+json`` (RFC 9457), for every way in which a request can fail."""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from search.request.design_request import FieldError, InvalidRequest
from service.http.security_headers import SECURITY_HEADERS

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 50
MAX_MESSAGE = 300

_log = logging.getLogger(__name__)

_HINTS = {
    "missing": "add it",
    "extra_forbidden": "remove it, or check its spelling",
    "int_type": "write a whole number, without quotes",
    "float_type": "write a finite number, without quotes",
    "string_type": "write a string",
    "list_type": "write a list",
}


class ProblemError(BaseModel):
    """One thing wrong with a request: where, what, and what would be right."""

    field: str
    message: str
    hint: str = ""


class ProblemBody(BaseModel):
    """What every error answers (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemError] = Field(default_factory=list)


class Problem(HTTPException):
    """Ends a request with a problem document; whether a retry helps is what its status says."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, dict(headers) if headers else None)
        self.kind = kind or HTTPStatus(status).phrase.lower().replace(" ", "-")
        self.errors = list(errors)


def invalid(errors: Sequence[FieldError]) -> Problem:
    """422 with these errors."""
    first = errors[0]
    detail = f"{first.field}: {first.message}"
    if len(errors) > 1:
        detail += f" (and {len(errors) - 1} more)"
    return Problem(422, detail, kind="invalid-request", errors=errors)


def problem_response(problem: Problem) -> Response:
    """The HTTP answer of a problem; what a client sent is shortened and escaped in it."""
    body = {
        "type": f"urn:netwright:problem:{problem.kind}",
        "title": HTTPStatus(problem.status_code).phrase,
        "status": problem.status_code,
        "detail": _short(problem.detail),
        "errors": [
            {"field": error.field[:MAX_MESSAGE], "message": _short(error.message), "hint": _short(error.hint)}
            for error in problem.errors[:MAX_ERRORS]
        ],
    }
    return Response(
        json.dumps(body), status_code=problem.status_code, media_type=MEDIA_TYPE, headers=problem.headers
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries that say which problems a route answers."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
        }
        for status in statuses
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Answers every error of the framework and of this service as a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(InvalidRequest, _on_invalid_request)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)
    app.add_exception_handler(Exception, unexpected)


def json_path(parts: Sequence[object], body: object = None) -> str:
    """A readable path such as ``constraints[0].max``.

    Parts that name no place in the body (a validator's names for the branches of a union) are left out.

    >>> json_path(["constraints", 0, "max"], {"constraints": [{"max": "x"}]})
    'constraints[0].max'
    """
    path, node, known = "", body, body is not None
    for index, part in enumerate(parts):
        if known:
            last = index == len(parts) - 1
            if isinstance(node, list) and isinstance(part, int) and part < len(node):
                node = node[part]
            elif isinstance(node, dict) and isinstance(part, str) and (part in node or last):
                node = node.get(part)
            else:
                continue
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else f"{part}"
    return path or "body"


def _short(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}"
    elif error.status_code == 405:
        detail = f"{request.method} is not possible at {request.url.path}"
    return problem_response(Problem(error.status_code, detail, headers=error.headers))


async def _on_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    messages: dict[str, tuple[list[str], str]] = {}
    # A list of 50,000 wrong entries has 50,000 errors; a person reads the first few.
    for item in error.errors()[: 4 * MAX_ERRORS]:
        where, *parts = item["loc"]
        path = json_path(parts, error.body if where == "body" else None)
        texts, _hint = messages.setdefault(path, ([], hint_for(item)))
        if item["msg"] not in texts:
            texts.append(item["msg"])
    return problem_response(
        invalid([FieldError(path, " or ".join(texts), hint) for path, (texts, hint) in messages.items()])
    )


def hint_for(item: Mapping[str, Any]) -> str:
    """What would be right instead of an error that pydantic found."""
    context = item.get("ctx") or {}
    if item["type"] == "literal_error":
        return f"one of {context.get('expected', '')}"
    bounds = [
        f"{name} {value}" for name, value in context.items() if isinstance(value, int) and value < 10**19
    ]
    return _HINTS.get(item["type"], ", ".join(bounds))


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidRequest)
    return problem_response(invalid(error.errors))


async def _on_disconnect(_: Request, error: Exception) -> Response:
    return Response(status_code=408)  # nobody is there to read it; the metrics count it


async def unexpected(request: Request, error: Exception) -> Response:
    """500, and the error in the log."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    # Starlette answers this outside of all middleware.
    headers = {name.decode(): value.decode() for name, value in SECURITY_HEADERS}
    headers["Connection"] = "close"  # the server closes it after an error, and a client should know
    return problem_response(
        Problem(500, "this is a fault of the server, not of the request", headers=headers)
    )


def finite(value: Any) -> Any:
    """The same JSON value with None where a number is not finite.

    >>> finite({"lower": float("nan"), "mean": [1.0, float("inf")]})
    {'lower': None, 'mean': [1.0, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
