"""A real API server whose jobs the tests themselves carry out, and the whole stack."""

import logging
import os
import subprocess
import sys

import pytest
import structlog
from api_server import Running

from service.config import ServiceConfig
from store.memory import MemoryStore


@pytest.fixture(autouse=True)
def _own_logs():
    """Commands that run in this process set up logs; their streams are closed behind them."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def server(tables):
    config = ServiceConfig(poll_seconds=0.05, retry_after_seconds=1, study_seconds=120)
    running = Running(MemoryStore(), tables, config)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def stack(tables, tmp_path_factory):
    """A running ``netwright serve``, its URL and its environment."""
    folder = tmp_path_factory.mktemp("serve")
    environment = {
        **os.environ,
        "NETWRIGHT_DATA_DIR": str(folder / "data"),
        "NETWRIGHT_CACHE_DIR": str(tables.cache_dir),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "netwright", "serve", "--port", "0", "--workers", "1"]
    with (folder / "stderr").open("wb") as sink:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, env=environment, text=True)
    line = process.stdout.readline()
    assert line.startswith("Netwright is ready at http://127.0.0.1:"), (folder / "stderr").read_text()
    yield process, line.split()[-1], environment
    if process.poll() is None:
        process.terminate()
    process.wait()
    process.stdout.close()
