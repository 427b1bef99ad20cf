"""The stores under test. A new adapter joins the contract with one line in ``STORES``."""

import pytest

from store.memory import MemoryStore
from store.sql import SqlStore
from tests.servers import new_database, postgres

STORES = ("memory", "sqlite", "postgresql")

__all__ = ["postgres"]


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    """A migrated, empty store."""
    if request.param == "memory":
        made = MemoryStore()
    elif request.param == "sqlite":
        made = SqlStore(f"sqlite:///{tmp_path / 'store.db'}")
    else:
        made = SqlStore(new_database(request.getfixturevalue("postgres")))
    made.migrate()
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return new_database(request.getfixturevalue("postgres"))
