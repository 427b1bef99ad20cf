"""Random requests made from the OpenAPI document, on both databases: no 5xx, every answer as documented.

Half of them are seasoned: one text or number in the path, the query or the body is replaced by one that
parsers and databases do not like. Requests whose address is no UTF-8 come from a list, since no library of
clients sends them.

``NETWRIGHT_TEST_CASES=50 pytest tests/service/test_openapi.py`` is the long form: more than 3,000 requests to
each database. In the short form each operation meets one of them, in turn.
"""

import itertools
import json
import os
import re
from copy import deepcopy
from pathlib import Path

import pytest
import requests
import schemathesis
from api_server import Running
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NotSet
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from benchmarks.tables import Tables
from experiments.reliability.cases.unicode import requests as hostile_requests
from experiments.reliability.target import Answers, Target, call
from service.app import create_app
from store.blobs.folder import FolderBlobs
from store.memory import MemoryStore
from store.sql import SqlStore
from tests.servers import new_database

# What tus sends is bytes like any other.
schemathesis.serializer.alias(["application/offset+octet-stream"], "application/octet-stream")

LONG = os.environ.get("NETWRIGHT_TEST_CASES")
CASES = int(LONG or 6)
"""For each operation and mode, of which there are about 60."""
DATABASES = ("sqlite", "postgresql")

DOCUMENT = create_app(store=MemoryStore(), tables=Tables(Path("unread"))).openapi()

LONG_TEXT = "x" * 5_000
IN_ADDRESSES = ("\0", "a\0b", "\uffff", "\u202e", "%00", LONG_TEXT)
IN_BODIES = ("\\u0000", "a\\u0000b", "\\ud800", "a\\udfff", "\\udc00\\ud800", "\\uffff", LONG_TEXT)
"""As JSON writes them: Schemathesis itself takes no surrogates."""
MARK = "seasoned-0f4a"
JSON = "application/json"
NUMBERS = (
    *(0.0, 5e-324, 1e-300, 1e-15, 1e15, 1e154, 1e299, 1.7e308, -1e308, -1.0),
    *(2**31, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400),
)
LEFT_OUT = [positive_data_acceptance, negative_data_rejection]
"""Whether a seasoned request is still right, or still wrong, nobody knows."""


def modes(operation):
    """A path or bytes alone cannot be made wrong: every text is some name, and all bytes are some content."""
    yield GenerationMode.POSITIVE
    named = [parameter for parameter in operation.get("parameters", []) if parameter["in"] != "path"]
    kinds = operation.get("requestBody", {}).get("content", {})
    if named or any(not kind.endswith("octet-stream") for kind in kinds):
        yield GenerationMode.NEGATIVE


PAIRS = [
    (path, method, mode)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    for mode in modes(operation)
]
MET = [
    pytest.param(database, *pair, id=f"{pair[1]} {pair[0]} {pair[2].value} {database}")
    for number, database in enumerate(DATABASES)
    for turn, pair in enumerate(PAIRS)
    if LONG or turn % len(DATABASES) == number
]


def test_operation_ids_are_unique_and_plain():
    ids = [each["operationId"] for methods in DOCUMENT["paths"].values() for each in methods.values()]
    assert {"createDesign", "listJobs", "observeStudy"} <= set(ids)
    assert len(ids) == len(set(ids)) and all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", each) for each in ids), ids


@pytest.fixture(scope="module")
def database(request):
    """Which database is met; tests ask for it by its name, the tests of one after those of the other."""
    return request.param


@pytest.fixture(scope="module")
def server(request, database, tables, tmp_path_factory):
    """A server on a database; its event streams end at once, or they would wait for workers."""
    folder = tmp_path_factory.mktemp("openapi")
    if database == "sqlite":
        store = SqlStore(f"sqlite:///{folder / 'netwright.db'}")
    else:
        store = SqlStore(new_database(request.getfixturevalue("postgres")))
    store.migrate()
    running = Running(store, tables, blobs=FolderBlobs(folder / "blobs"))
    running.app.state.service.feed.stop()
    yield running
    running.stop()
    store.close()


@pytest.fixture(scope="module")
def api(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", timeout=120)


@pytest.mark.parametrize(("database", "path", "method", "mode"), MET, indirect=["database"])
def test_every_answer_is_as_documented(api, path, method, mode):
    operation = api[path][method]

    @settings(
        max_examples=CASES,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],  # the first failure tells enough, and a smaller one takes minutes
    )
    @given(data=st.data(), case=operation.as_strategy(generation_mode=mode))
    def check(data, case):
        seasoned = season(data.draw, case)
        # No answer is late because the machine is busy.
        request = case.as_transport_kwargs() | {"timeout": 120}
        if seasoned is not None and isinstance(request.get("json"), dict | list):
            text = json.dumps(request.pop("json")).replace(MARK, seasoned)
            request |= {"data": text.encode(), "headers": {**request["headers"], "Content-Type": JSON}}
        answer = Response.from_requests(requests.request(**request), verify=True)
        case.validate_response(answer, excluded_checks=[] if seasoned is None else LEFT_OUT)

    check()


def season(draw, case) -> str | None:
    """Replaces one text, number or name of a request, if it has any; not in every second one.

    Returns:
        What is to be written for :data:`MARK` in the body's JSON; None where nothing was replaced.
    """
    places = [
        *places_of(case.path_parameters, ("path_parameters",)),
        *places_of(case.query, ("query",)),
        *places_of(None if isinstance(case.body, NotSet) else case.body, ("body",)),
    ]
    if not places or not draw(st.booleans()):
        return None
    *way, name, kind = draw(st.sampled_from(places))
    if way[0] == "body" and kind != "number":
        value, written = MARK, draw(st.sampled_from(IN_BODIES))
    else:
        value, written = draw(st.sampled_from(NUMBERS if kind == "number" else IN_ADDRESSES)), ""
    setattr(case, way[0], deepcopy(getattr(case, way[0])))
    holder = getattr(case, way[0])
    for part in way[1:]:
        holder = holder[part]
    if kind == "name":
        holder[value] = holder.pop(name)
    else:
        holder[name] = value
    return written


def places_of(value, way):
    """Where a value has texts, numbers and names of objects."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, entry in entries:
        if isinstance(value, dict) and way[0] == "body":
            yield (*way, name, "name")
        if isinstance(entry, dict | list):
            yield from places_of(entry, (*way, name))
        elif isinstance(entry, str):
            yield (*way, name, "text")
        elif isinstance(entry, int | float) and not isinstance(entry, bool):
            yield (*way, name, "number")


@pytest.mark.parametrize("database", DATABASES, indirect=True)
def test_characters_that_no_database_takes(server):
    """NUL, surrogates and bad UTF-8 in every path, query and body field; of so many, a part at a time."""
    chosen = itertools.islice(hostile_requests(server.app.openapi()), 0, None, max(1, 60 // CASES))
    answers = Answers()
    for method, path, body in chosen:
        status, answer = call(Target(server.url), method.upper(), path, body, seconds=120)
        assert isinstance(status, int) and status < 500, (status, method, path, body, answer)
        answers.note(status)
    assert sum(answers.values()) > 50
