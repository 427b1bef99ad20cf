"""Text that no database keeps, in every place of every route of the OpenAPI document: 404 or 422."""

import json
import re
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from api_server import Running, problem

from benchmarks.tables import Tables
from service.app import create_app
from spaces.metric import Observation
from store.database.ids import new_id
from store.jobs.job import JobState, UnstorableText
from store.memory import MemoryStore
from store.predictors.predictor import PredictorSpec
from store.sql import SqlStore
from store.tasks.task import TaskContent
from tests.servers import new_database, postgres

__all__ = ["postgres"]

DOCUMENT = create_app(store=MemoryStore(), tables=Tables(Path("unread"))).openapi()
NUL = ["%00", "a%00b", "nasbench201%00"]
BROKEN = ["%ED%A0%80", "a%ED%BF%BFb", "%FF", "%F0%90", "%C0%80"]
"""Halves of characters, and bytes that are no UTF-8: each is read as the sign for what cannot be read."""
GOOD = {"format": "json", "metric": "latency_ms", "rank": "1", "state": "queued", "space": "nasbench201"}


def good(parameter):
    """A value with which the route comes as far as it can."""
    name, schema = parameter["name"], parameter.get("schema", {})
    if name in GOOD:
        return GOOD[name]
    if name.endswith("_id"):
        return new_id(1.7e9)
    return "1" if "integer" in json.dumps(schema) else "a"


def cases():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            for parameter in parameters:
                if parameter["in"] in ("path", "query"):
                    name = f"{method} {path} {parameter['in']} {parameter['name']}"
                    yield pytest.param(path, method, parameters, parameter, id=name)


def url_of(path, parameters, hostile, text):
    """The path and query with a text in one place; query parameters that are not needed are left out."""
    values = {each["name"]: text if each is hostile else good(each) for each in parameters}
    filled = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], path)
    asked = [
        each for each in parameters if each["in"] == "query" and (each.get("required") or each is hostile)
    ]
    return filled + (
        "?" + "&".join(f"{each['name']}={values[each['name']]}" for each in asked) if asked else ""
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def api(request, tables, tmp_path_factory):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    else:
        url = new_database(request.getfixturevalue("postgres"))
    with closing(SqlStore(url)) as store:
        store.migrate()
        running = Running(store, tables)
        yield running
        running.stop()


def asked(api, method, url, **more):
    """An answer to a URL that is sent as it is written."""
    return api.http.request(method.upper(), httpx.URL(api.url + url), **more)


@pytest.mark.parametrize(("path", "method", "parameters", "hostile"), list(cases()))
def test_no_path_and_no_query_breaks_a_route(api, path, method, parameters, hostile):
    body = {"json": {}} if method in ("post", "put", "patch") else {}
    for text in NUL:
        answer = asked(api, method, url_of(path, parameters, hostile, text), **body)
        status = 404 if hostile["in"] == "path" else 422
        if method == "head":  # it has no body
            assert answer.status_code == status
        else:
            problem(answer, status)
    for text in BROKEN:
        answer = asked(api, method, url_of(path, parameters, hostile, text), **body)
        assert answer.status_code < 500, answer.text


def test_a_query_is_refused_by_the_name_that_is_wrong(api):
    answer = problem(asked(api, "get", "/v1/predictors?limit=1&space=a%00"), 422, "space")
    assert answer["errors"][0]["hint"] == "use plain text"
    problem(asked(api, "get", "/v1/predictors?a%00=1"), 422, "query")
    assert asked(api, "get", "/v1/predictors?space=%25%2B+%C3%A9").status_code == 200


def test_a_path_that_nobody_serves_is_404_too(api):
    for url in ("/%00", "/v1/%00/x", "/v1/spaces/%00/probe?metric=latency_ms", "/docs%00"):
        problem(asked(api, "get", url), 404)


POSTS = [
    pytest.param(path, method, id=f"{method} {path}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "application/json" in operation.get("requestBody", {}).get("content", {})
]


@pytest.mark.parametrize(("path", "method"), POSTS)
@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a\\u0000"}',
        b'{"a": [{"b": "\\ud800"}]}',
        b'{"\\udfff": 1}',
        b'{"name": "a\x00"}',
        b'"\xed\xa0\x80"',
    ],
    ids=["nul", "surrogate", "name", "raw nul", "raw surrogate"],
)
def test_no_text_of_a_body_breaks_a_route(api, path, method, body):
    url = re.sub(r"\{\w+\}", new_id(1.7e9), path)
    answer = asked(api, method, url, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404, 422), answer.text


@pytest.mark.parametrize("header", ["Idempotency-Key", "Last-Event-ID", "User-Agent", "Accept"])
def test_no_header_breaks_a_route(api, header):
    for value in (b"a\xed\xa0\x80", b"\xff", b"\xc3\xa9"):
        for method, url, body in (
            ("post", "/v1/studies", {"space": "nasbench201", "task": "cifar10"}),
            ("get", f"/v1/jobs/{new_id(1.7e9)}/events", None),
        ):
            assert asked(api, method, url, json=body, headers={header: value}).status_code < 500


# what gets past the routes
SPEC = PredictorSpec("s", "accuracy@t", "accuracy", "t", None, "gp", None)
STORE_CALLS = {
    "submit": lambda store, text: store.submit(text, {}),
    "tenant": lambda store, text: store.jobs(tenant_id=text),
    "parent": lambda store, text: store.jobs(parent_id=text),
    "role": lambda store, text: store.take_role(text, "h", 1),
    "device": lambda store, text: store.device(text, "d"),
    "put_device": lambda store, text: store.put_device("s", text, "latency_ms", []),
    "predictors": lambda store, text: store.predictors(space=text),
    "create_predictor": lambda store, text: store.create_predictor(
        PredictorSpec(text, "k", "accuracy", None, None, "gp", None), [("a", 1.0)]
    ),
    "space": lambda store, text: store.space(text),
    "put_space": lambda store, text: store.put_space(text, "d", "{}"),
    "task": lambda store, text: store.task(text),
    "put_task": lambda store, text: store.put_task(
        text, TaskContent("images:d", "v", "e" * 64, "images", ("c",), 1, 1)
    ),
    "embedded": lambda store, text: store.embedded(text, "v"),
}


@pytest.mark.parametrize("call", STORE_CALLS)
@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "a\udfffb"], ids=["nul", "inner", "high", "low"])
def test_the_store_refuses_such_text_on_every_database(api, call, text):
    with pytest.raises(UnstorableText):
        STORE_CALLS[call](api.store, text)


def test_what_is_json_in_the_store_may_hold_any_text(api):
    job, _ = api.store.submit("any", {"text": "a\0b\ud800"})
    assert api.store.job(job.id).payload == {"text": "a\0b\ud800"}
    lease = api.store.claim(job.id, worker="w", lease_seconds=60)
    seen = Observation("a", {}, "test", failed="no\0thing\ud800")
    api.store.record(lease, kind="x", data={"a\0": "\udfff"}, message="a\0", observations=[seen])
    done = api.store.finish(lease, JobState.FAILED, reason="a\0b\ud800")
    assert done.reason == "a\N{REPLACEMENT CHARACTER}b?"


def test_a_store_that_refuses_a_text_is_told_as_the_requests_fault(api, monkeypatch):
    def refuse(*args, **named):
        raise UnstorableText("a text holds a NUL")

    monkeypatch.setattr(api.store, "predictors", refuse)
    problem(asked(api, "get", "/v1/predictors"), 422)
