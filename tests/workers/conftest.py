"""Brokers and whole stacks under test. A new one joins with one line in ``BROKERS`` or ``STACKS``."""

import sys
from contextlib import contextmanager

import pytest

from store.sql import SqlStore
from tests.servers import new_database, postgres, redis_binary, redis_server, valkey_binary
from workers.stack import Stack, StackOptions

BROKERS = {"valkey": valkey_binary, "redis": redis_binary}
STACKS = {"sqlite+valkey": (False, valkey_binary), "postgresql+redis": (True, redis_binary)}
CHILDREN = (sys.executable, "-m", "tests.workers.children")
LEASE_SECONDS = 1.0

__all__ = ["postgres"]


@pytest.fixture(params=BROKERS)
def broker(request):
    """A broker of our own that may be killed and frozen."""
    binary = BROKERS[request.param]()
    if binary is None:
        pytest.skip(f"{request.param}-server is not installed here")
    with redis_server(binary) as server:
        yield server


@pytest.fixture
def store(tmp_path):
    """A migrated, empty store."""
    made = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    made.migrate()
    yield made
    made.close()


def options(data_dir, *, stall_seconds=1.5, **changes):
    """A stack of relay and workers, with short leases, whose output goes to files."""
    environment = {
        "NETWRIGHT_LEASE_SECONDS": str(LEASE_SECONDS),
        "NETWRIGHT_DRAIN_SECONDS": "0.5",
        "NETWRIGHT_STALL_SECONDS": str(stall_seconds),
        "NETWRIGHT_CANCEL_SECONDS": "0.5",
        "NETWRIGHT_REAPER_POLL_SECONDS": "0.2",
        "NETWRIGHT_LOG_FORMAT": "json",
        "NETWRIGHT_CACHE_DIR": str(data_dir / "cache"),
    }
    chosen = {"workers": 2, "api": False, "command": CHILDREN, "log_dir": data_dir / "logs", **changes}
    return StackOptions(data_dir=data_dir, environment=environment, **chosen)


class Running:
    """A stack with the store that its processes use, and the broker it talks to."""

    def __init__(self, stack, store, folder, broker):
        self.stack, self.store, self.folder, self.broker = stack, store, folder, broker

    def worker_pids(self):
        return {name: pid for name, pid in self.stack.pids.items() if name.startswith("worker")}


@contextmanager
def running_stack(kind, folder, postgres_url, **changes):
    """Starts a stack of a kind on servers of our own."""
    on_postgres, binary = STACKS[kind]
    if binary() is None:
        pytest.skip("redis-server is not installed here")
    with redis_server(binary()) as server:
        url = postgres_url() if on_postgres else None
        with Stack(options(folder, broker_url=server.url, database_url=url, **changes)) as stack:
            store = SqlStore(stack.database_url)
            yield Running(stack, store, folder, server)
            store.close()


@pytest.fixture(scope="module", params=STACKS)
def running(request, tmp_path_factory):
    """A stack for all tests of a module, once of each kind."""

    def postgres_url():
        return new_database(request.getfixturevalue("postgres"))

    with running_stack(request.param, tmp_path_factory.mktemp("stack"), postgres_url) as stack:
        yield stack
