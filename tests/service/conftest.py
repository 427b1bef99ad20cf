"""A real server over a store in memory and the real tables."""

import contextlib
from collections.abc import Iterator

import pytest
from api_server import Running

from service.config import ServiceConfig
from store.memory import MemoryStore
from tests.servers import postgres

__all__ = ["postgres"]


TIMEOUT_SECONDS = 120.0
"""Seconds that a call may take where a test is not about time: its process starts on a busy machine."""


@pytest.fixture
def serve(tables):
    """Starts servers; all of them are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(store=None, blobs=None, **config) -> Running:
            names = ("study_seconds", "science_seconds", "body_seconds")
            config = dict.fromkeys(names, TIMEOUT_SECONDS) | config
            running = Running(store or MemoryStore(), tables, ServiceConfig(**config), blobs=blobs)
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture(scope="module")
def server(tables) -> Iterator[Running]:
    """One server for a module's tests; each test looks only at the jobs that it made."""
    running = Running(MemoryStore(), tables, ServiceConfig(study_seconds=TIMEOUT_SECONDS))
    yield running
    running.stop()


@pytest.fixture
def design() -> dict:
    """A good order."""
    return {
        "space": "nasbench201",
        "task": "cifar10-int8-ptq",
        "constraints": [{"metric": "params_m", "max": 0.5}],
        "count": 4,
    }
