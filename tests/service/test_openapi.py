"""Random requests made from the OpenAPI document: no 5xx, and every answer as documented."""

import os
from pathlib import Path

import pytest
import schemathesis
from api_server import Running
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from benchmarks.tables import Tables
from service.app import create_app
from store.memory import MemoryStore

# More for a long run: 600 for each of about 30 pairs are 18,000 cases.
CASES = int(os.environ.get("NETWRIGHT_TEST_CASES", "15"))

DOCUMENT = create_app(store=MemoryStore(), tables=Tables(Path("unread"))).openapi()


def modes(operation):
    """A path alone cannot be made wrong: every text is some name."""
    yield GenerationMode.POSITIVE
    named = [parameter for parameter in operation.get("parameters", []) if parameter["in"] != "path"]
    if named or "requestBody" in operation:
        yield GenerationMode.NEGATIVE


PAIRS = [
    pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    for mode in modes(operation)
]


@pytest.fixture(scope="module")
def api(tables):
    """The document of a running server; its event streams end at once, or they would wait for workers."""
    running = Running(MemoryStore(), tables)
    running.app.state.service.feed.stop()
    yield schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    running.stop()


@pytest.mark.parametrize(("path", "method", "mode"), PAIRS)
def test_every_answer_is_as_documented(api, path, method, mode):
    operation = api[path][method]

    @settings(
        max_examples=CASES,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(timeout=120)  # no answer is late because the machine is busy

    check()
