"""What the store and the disk raise, as problem documents."""

import logging

from fastapi import FastAPI, Request
from starlette.responses import Response

from search.request.uploaded_task import EmbeddingGone
from service.http.problems import Problem, problem_response, unexpected
from service.http.temporary import is_full
from spaces.registry import NotRegistered
from store.jobs.job import (
    IdempotencyConflict,
    NotFound,
    StoreFull,
    StoreUnavailable,
    StoreUnusable,
    UnstorableText,
)

_log = logging.getLogger(__name__)


def add_store_handlers(app: FastAPI, retry_after_seconds: int) -> None:
    """Answers each of the store's exceptions with the status that says whether a retry helps."""

    async def not_found(_: Request, error: Exception) -> Response:
        return problem_response(Problem(404, str(error) or "there is no such job"))

    async def conflict(_: Request, error: Exception) -> Response:
        detail = "this Idempotency-Key was used before with another body; use a new key"
        return problem_response(Problem(409, detail, kind="idempotency-conflict"))

    async def unavailable(_: Request, error: Exception) -> Response:
        headers = {"Retry-After": str(retry_after_seconds)}
        detail = "the database does not answer; try again"
        return problem_response(Problem(503, detail, kind="store-unavailable", headers=headers))

    async def unusable(_: Request, error: Exception) -> Response:
        _log.error("the database cannot be used: %s", error)
        detail = "the database is damaged, gone or cannot be written; whoever runs the service must mend it"
        return problem_response(Problem(503, detail, kind="store-unusable"))

    async def full(_: Request, error: Exception) -> Response:
        return problem_response(Problem(507, "the disk under the database is full", kind="store-full"))

    async def gone(_: Request, error: Exception) -> Response:
        return problem_response(Problem(409, str(error), kind="embedding-gone"))

    async def missing(_: Request, error: Exception) -> Response:
        return problem_response(Problem(409, str(error), kind="plug-in-missing"))

    async def system(request: Request, error: Exception) -> Response:
        assert isinstance(error, OSError)
        if not is_full(error):
            return await unexpected(request, error)
        headers = {"Connection": "close"}  # a body may be half read
        return problem_response(Problem(507, "the disk is full", kind="disk-full", headers=headers))

    app.add_exception_handler(OSError, system)

    async def unstorable(_: Request, error: Exception) -> Response:
        return problem_response(Problem(422, str(error), kind="invalid-request"))

    app.add_exception_handler(NotFound, not_found)
    app.add_exception_handler(UnstorableText, unstorable)
    app.add_exception_handler(EmbeddingGone, gone)
    app.add_exception_handler(NotRegistered, missing)
    app.add_exception_handler(IdempotencyConflict, conflict)
    app.add_exception_handler(StoreUnavailable, unavailable)
    app.add_exception_handler(StoreFull, full)
    app.add_exception_handler(StoreUnusable, unusable)
