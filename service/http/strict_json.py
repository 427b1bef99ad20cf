"""Request bodies as strict JSON: no NaN, no infinity, no number that no field could hold.

Python's own reader takes ``NaN`` and turns ``1e999`` into infinity; both would travel through validation
and break the answer. Here each is refused with the path of its field, before any schema looks at it.
"""

import json
import math
import re
from collections.abc import Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from search.request.design_request import FieldError
from service.http.json_bodies import SMALL, JsonBodies
from service.http.problems import MAX_ERRORS, Problem, invalid, json_path
from spaces.declared.json_structure import Limits, TooLarge, TooMuch, check_structure

T = TypeVar("T")

MAX_DIGITS = 300
"""Digits of a whole number; longer ones are no number a field could hold (and slow to read)."""

LIMITS = Limits(
    depth=64,
    lists=50_000,
    objects=200_000,
    entries=200_000,
    names=1_000,
    members=2_000_000,
    string_bytes=4 * 2**20,
)
"""Of one body; no field needs half of any of these. What takes bodies apart recurses, and a schema reports
each name that it does not know."""

_PART = 2**20
_JSON_TYPE = re.compile(r"application/(?:json|[\w.-]+\+json)")
_SUSPECT_TEXT = re.compile(r"\\u(?:0000|[dD][89abABcCdDeEfF])")


class _Refused(float):
    """Stands for a number that was read but is refused; keeps what was written."""

    token: str

    def __new__(cls, token: str) -> "_Refused":
        value = super().__new__(cls, "nan")
        value.token = token if len(token) <= 40 else f"{token[:40]}… ({len(token)} characters)"
        return value


_FURTHER = _Refused("a number")


class _Reader:
    """Reads one body; notes whether anything in it must be refused, so that good ones are not searched."""

    def __init__(self) -> None:
        self.refused = 0

    def refuse(self, token: str) -> float:
        self.refused += 1
        # No more than these are reported: millions of them need not be kept apart.
        return _Refused(token) if self.refused <= MAX_ERRORS else _FURTHER

    def integer(self, token: str) -> float:
        if len(token) > MAX_DIGITS or token == "-0":
            return self.refuse(token)
        return int(token)

    def number(self, token: str) -> float:
        value = float(token)
        if not math.isfinite(value) or (value == 0.0 and token[0] == "-"):
            return self.refuse(token)
        return value

    def named(self, value: dict[str, object]) -> dict[str, object]:
        """The object itself. Only between two calls of Python code may other threads go on."""
        return value

    def read(self, text: str) -> object:
        return json.loads(
            text,
            parse_constant=self.refuse,
            parse_int=self.integer,
            parse_float=self.number,
            object_hook=self.named,
        )


def read_json(body: bytes) -> object:
    """The JSON value of a request body.

    Raises:
        Problem: 400 for what is no JSON in UTF-8, is nested too deeply or has too many names; 413 for what is
            made of too much; 422 for NaN, infinities, negative zero, numbers of hundreds of digits and
            strings that are no text, each with the path of its field.
    """
    reader = _Reader()
    try:
        check_structure(body, LIMITS)
        text = body.decode("utf-8")
        value = reader.read(text)
    except TooLarge as error:
        raise Problem(413, f"the body {error}; split it over several calls") from None
    except TooMuch as error:
        raise Problem(400, f"the body {error}", kind="bad-json") from None
    except UnicodeDecodeError as error:
        raise Problem(
            400, f"the body is not UTF-8: {error.reason} at byte {error.start}", kind="bad-json"
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(400, f"the body is not JSON: {error.msg} at {where}", kind="bad-json") from None
    if reader.refused or _is_suspect(text):
        errors = list(islice(_refusals(value), MAX_ERRORS))
        if errors:
            raise invalid(sorted(errors, key=lambda error: error.field))
    return value


def _is_suspect(text: str) -> bool:
    """Whether a text writes NUL or half of a surrogate pair; others go on between its parts."""
    overlap = len("\\u0000") - 1
    return any(
        _SUSPECT_TEXT.search(text, start, start + _PART + overlap) for start in range(0, len(text), _PART)
    )


def _refusals(value: object) -> Iterator[FieldError]:
    """Every refused number or string in a JSON value with its path, in the order of the text."""
    waiting: list[Iterator[tuple[tuple[object, ...], object]]] = [iter([((), value)])]
    while waiting:
        found = next(waiting[-1], None)
        if found is None:
            waiting.pop()
            continue
        path, node = found
        if isinstance(node, _Refused):
            message = f"{node.token} is not a number that can be used here"
            yield FieldError(json_path(path), message, "write a finite number, or leave the field out")
        elif isinstance(node, str) and not _is_text(node):
            yield FieldError(json_path(path), "holds characters that are no text", "use plain text")
        elif isinstance(node, dict):
            for key in node:
                if not _is_text(key):
                    yield FieldError(json_path(path), "has a name that is no text", "use plain text")
            waiting.append(_below(path, node.items()))
        elif isinstance(node, list):
            waiting.append(_below(path, enumerate(node)))


def _below(
    path: tuple[object, ...], parts: Iterable[tuple[object, object]]
) -> Iterator[tuple[tuple[object, ...], object]]:
    return (((*path, part), node) for part, node in parts if isinstance(part, int) or _is_text(str(part)))


_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def _is_text(text: str) -> bool:
    return _NO_TEXT.search(text) is None


class _StrictRequest(Request):
    """A request whose body is read by :func:`read_json`, a large one in its turn and in a thread."""

    def __init__(self, request: Request) -> None:
        super().__init__(request.scope, request.receive)
        self._bodies: JsonBodies = request.app.state.bodies
        self._at_work = 0

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = await self._read(read_json, await self.body())
        return self._json

    async def read_as(self, field: Any) -> None:
        """Reads a large body, and checks it against a schema, in a thread: the framework does both where all
        requests wait, but takes an instance of the schema as it is.

        Args:
            field: the framework's field of the body.

        Raises:
            RequestValidationError: it does not fit the schema.
        """
        if len(await self.body()) <= SMALL:
            return

        def read(body: bytes) -> tuple[Any, Any, list[Any]]:
            value = read_json(body)
            return value, *field.validate(value, {}, loc=("body",))

        value, model, errors = await self._read(read, self._body)
        if errors:
            raise RequestValidationError(errors, body=value)
        self._json, self._body = model, b"{}"

    async def _read(self, function: Callable[[bytes], T], body: bytes) -> T:
        if len(body) <= SMALL:
            return function(body)
        await self._bodies.turn(len(body))
        self._at_work = len(body)
        return await self._bodies.read(function, body)

    def answered(self) -> None:
        """Ends the body's turn."""
        self._bodies.done(self._at_work)


class StrictJSONRoute(APIRoute):
    """A route that takes JSON bodies only (else 415) and reads them strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        field = self.body_field

        async def strict(request: Request) -> Response:
            kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
            if field is not None and not _JSON_TYPE.fullmatch(kind):
                raise Problem(
                    415,
                    f"the body must be JSON, not {kind or 'of no stated type'}",
                    headers={"Accept": "application/json"},
                )
            read = _StrictRequest(request)
            try:
                if field is not None:
                    await read.read_as(field)
                return await handle(read)
            finally:
                read.answered()

        return strict
