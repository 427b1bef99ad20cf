"""Refuses paths and queries with a NUL or an unpaired surrogate, which no database stores.

PostgreSQL keeps no NUL in a text, and neither database takes half of a surrogate pair. Bodies are refused by
:mod:`service.http.strict_json`; :mod:`store.database.transactions` refuses what gets past both.
"""

from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Receive, Scope, Send

from search.request.design_request import FieldError
from service.http.problems import Problem, invalid, problem_response
from store.database.strict_json import is_storable


class PlainText:
    """Answers 404 where the path is no text that can be stored, and 422 where the query is none.

    Args:
        app: what sees the others.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = _refusal(scope) if scope["type"] == "http" else None
        if refused is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(refused)(scope, receive, send)


def _refusal(scope: Scope) -> Problem | None:
    if not is_storable(scope["path"]):
        return Problem(404, "there is nothing at a path with characters that are no text")
    query = scope["query_string"].decode("latin-1")
    if "%" not in query and "\0" not in query:
        return None
    wrong = [
        name
        for name, value in parse_qsl(query, keep_blank_values=True)
        if not (is_storable(name) and is_storable(value))
    ]
    if not wrong:
        return None
    return invalid(
        [FieldError(_shown(name), "holds characters that are no text", "use plain text") for name in wrong]
    )


def _shown(name: str) -> str:
    return name if is_storable(name) else "query"
