"""Request bodies as strict JSON: no NaN, no infinity, no number that no field could hold.

Python's own reader takes ``NaN`` and turns ``1e999`` into infinity; both would travel through validation
and break the answer. Here each is refused with the path of its field, before any schema looks at it.
"""

import json
import math
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from search.request import FieldError
from service.problems import Problem, invalid, json_path

MAX_DIGITS = 300
"""Digits of a whole number; longer ones are no number a field could hold (and slow to read)."""

MAX_DEPTH = 64
"""Lists and objects in each other; what takes bodies apart recurses, and no field needs more than a few."""

MAX_NAMES = 1000
"""Of one object; a schema tells each name that it does not know, and none knows a hundred."""

_SUSPECT_TEXT = re.compile(r"\\u(?:0000|[dD][89abABcCdDeEfF])")


class _Refused(float):
    """Stands for a number that was read but is refused; keeps what was written."""

    token: str

    def __new__(cls, token: str) -> "_Refused":
        value = super().__new__(cls, "nan")
        value.token = token if len(token) <= 40 else f"{token[:40]}… ({len(token)} characters)"
        return value


class _Reader:
    """Reads one body; notes whether anything in it must be refused, so that good ones are not searched."""

    def __init__(self) -> None:
        self.suspect = False

    def refuse(self, token: str) -> float:
        self.suspect = True
        return _Refused(token)

    def integer(self, token: str) -> float:
        if len(token) > MAX_DIGITS or token == "-0":
            return self.refuse(token)
        return int(token)

    def number(self, token: str) -> float:
        value = float(token)
        if not math.isfinite(value) or (value == 0.0 and token[0] == "-"):
            return self.refuse(token)
        return value


def read_json(body: bytes) -> object:
    """The JSON value of a request body.

    Raises:
        Problem: 400 for what is no JSON in UTF-8, is nested too deeply or has too many names; 422 for NaN,
            infinities, negative zero, numbers of hundreds of digits and strings that are no text, each with
            the path of its field.
    """
    reader = _Reader()
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, parse_constant=reader.refuse, parse_int=reader.integer, parse_float=reader.number
        )
    except UnicodeDecodeError as error:
        raise Problem(
            400, f"the body is not UTF-8: {error.reason} at byte {error.start}", kind="bad-json"
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"the body is not JSON: {error.msg} at {where}", kind="bad-json") from None
    except RecursionError:
        raise _too_deep() from None
    _check_shape(value)
    if reader.suspect or _SUSPECT_TEXT.search(text):
        errors = _refusals(value)
        if errors:
            raise invalid(errors)
    return value


def _check_shape(value: object) -> None:
    """Refuses what is nested more deeply, or has more names in one object, than any body that makes sense.

    Raises:
        Problem: 400.
    """
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if any(isinstance(node, dict) and len(node) > MAX_NAMES for node in level):
            raise Problem(400, f"an object of the body has more than {MAX_NAMES:,} names", kind="bad-json")
        inner = (item for node in level for item in (node.values() if isinstance(node, dict) else node))
        level = [item for item in inner if isinstance(item, dict | list)]
    if level:
        raise _too_deep()


def _too_deep() -> Problem:
    return Problem(400, f"the body is nested too deeply: {MAX_DEPTH} levels at most", kind="bad-json")


def _refusals(value: object) -> list[FieldError]:
    """Every refused number or string in a JSON value, with its path."""
    errors: list[FieldError] = []
    # A stack, not recursion: the reader admits deeper nesting than Python's own calls.
    stack: list[tuple[tuple[object, ...], object]] = [((), value)]
    while stack:
        path, node = stack.pop()
        if isinstance(node, _Refused):
            message = f"{node.token} is not a number that can be used here"
            errors.append(
                FieldError(json_path(path), message, "write a finite number, or leave the field out")
            )
        elif isinstance(node, str) and not _is_text(node):
            errors.append(FieldError(json_path(path), "holds characters that are no text", "use plain text"))
        elif isinstance(node, dict):
            for key, item in node.items():
                if not _is_text(key):
                    errors.append(FieldError(json_path(path), "has a name that is no text", "use plain text"))
                else:
                    stack.append(((*path, key), item))
        elif isinstance(node, list):
            stack.extend(((*path, index), item) for index, item in enumerate(node))
    return sorted(errors, key=lambda error: error.field)


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


class _StrictRequest(Request):
    """A request whose body is read by :func:`read_json`."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


class StrictJSONRoute(APIRoute):
    """A route that takes JSON bodies only (else 415) and reads them strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            if takes_body:
                kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
                if kind != "application/json" and not re.fullmatch(r"application/[\w.-]+\+json", kind):
                    raise Problem(
                        415,
                        f"the body must be JSON, not {kind or 'of no stated type'}",
                        headers={"Accept": "application/json"},
                    )
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict
