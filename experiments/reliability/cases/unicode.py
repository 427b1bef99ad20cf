"""X16: text that UTF-8 or a database does not take, in every path, query and body field of the document."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from experiments.reliability import orders
from experiments.reliability.case import Measured, case, measured
from experiments.reliability.drill import drill
from experiments.reliability.stack import serving
from experiments.reliability.target import Answers, Target, call

IN_PATHS = ("%00", "a%00b", "%ED%A0%80", "%FF", "%C0%80", "%F4%90%80%80", "a%0d%0ab", "%E2%80%AE", "..%2f%00")
"""Percent-encoded: NUL, a lone surrogate, and bytes that are no UTF-8."""
IN_BODIES = ("\\u0000", "a\\u0000b", "\\ud800", "a\\udfff", "\\udc00\\ud800", "\\uffff", "\\u202e")
"""As JSON writes them."""


def requests(document: dict[str, Any]) -> Iterator[tuple[str, str, bytes | None]]:
    """Every operation with each of these texts in one place after the other."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = _example(document, operation)
            for text in IN_PATHS:
                names = [each for each in operation.get("parameters", []) if each["in"] == "query"]
                if "{" in path:
                    yield method, _filled(path, text), _encoded(body)
                for each in names:
                    yield method, f"{_filled(path, 'x')}?{each['name']}={text}", _encoded(body)
            for text in IN_BODIES if body is not None else ():
                for changed in _variants(body):
                    yield method, _filled(path, "x"), json.dumps(changed).replace("MARK", text).encode()


def _filled(path: str, text: str) -> str:
    before, brace, rest = path.partition("{")
    if not brace:
        return path
    return before + text + _filled(rest.partition("}")[2], "1")


def _encoded(body: Any) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _example(document: dict[str, Any], operation: dict[str, Any]) -> Any:
    """The body that the document gives as its example; None where the operation takes none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema.get("example", {})


def _variants(body: Any) -> Iterator[Any]:
    """The body with one text after the other, names of objects too, replaced by ``MARK``."""
    for place in _places(body):
        changed = deepcopy(body)
        holder, name, is_name = changed, place[-2], place[-1]
        for part in place[:-2]:
            holder = holder[part]
        if is_name:
            holder["MARK"] = holder.pop(name)
        else:
            holder[name] = "MARK"
        yield changed


def _places(body: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(body, dict):
        for name, value in body.items():
            yield (*at, name, True)
            yield from (
                _places(value, (*at, name)) if isinstance(value, dict | list) else ((*at, name, False),)
            )
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from (
                _places(value, (*at, index)) if isinstance(value, dict | list) else ((*at, index, False),)
            )


Requests = Iterator[tuple[str, str, bytes | None]]


def characters(target: Target, some: Callable[[Requests], Requests] = iter) -> Answers:
    """Every request once, or those that ``some`` chooses."""
    answers = Answers()
    _, document = call(target, "GET", "/openapi.json")
    for method, path, body in some(requests(document)):
        if path.endswith("/events") or "/events?" in path:
            continue
        answers.note(call(target, method.upper(), path, body)[0])
    return answers


@case(
    "X16",
    "NUL, surrogates and bad UTF-8 in every path, query and body field",
    {"requests": ("requests", None)},
)
def unicode(stack: str, full: bool) -> Measured:
    """Every place and text once; the short form is the long one."""
    with serving(stack, workers=0) as served:
        made = call(served.target(), "POST", "/v1/designs", orders.DESIGN)
        assert made[0] == 202
        done = drill(served, characters)
    return measured(done, requests=float(sum(done.answers.values())))
