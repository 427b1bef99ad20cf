"""What differs between SQLite and PostgreSQL: how to connect, what time it is, how a write begins.

SQLite runs in WAL mode. A writing transaction begins with ``BEGIN IMMEDIATE``: it waits for its turn at
the beginning, where SQLite lets it wait, and never fails with "database is locked" half-way.
"""

import random
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, TimeoutError

from store.job import SchemaMismatch, StoreFull, StoreUnavailable, UnstorableText
from store.strictjson import is_storable

BUSY_MS = 15_000
"""How long a SQLite writer waits for its turn; a write takes about a millisecond."""
POOL_SECONDS = 5
POOL_SIZE = 8
POOL_OVERFLOW = 24

CLOCKS: dict[str, TextClause] = {
    # Julian days → Unix seconds. Millisecond steps.
    "sqlite": text("SELECT (julianday('now') - 2440587.5) * 86400.0"),
    "postgresql": text("SELECT extract(epoch FROM clock_timestamp())::double precision"),
}


def make_engine(database_url: str) -> Engine:
    """An engine for ``sqlite:///path`` or ``postgresql+psycopg://…``; connects to nothing yet.

    A SQLite file's folder is made, readable by its owner alone.

    Raises:
        ValueError: for another kind of database, or SQLite in memory (each connection would see its own).
    """
    url = make_url(database_url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        engine = _sqlite(url)
    elif backend == "postgresql":
        from store.postgres import make_postgres_engine

        engine = make_postgres_engine(
            url.set(drivername="postgresql+psycopg"), POOL_SIZE, POOL_OVERFLOW, POOL_SECONDS
        )
    else:
        raise ValueError(f"no store for {backend!r}: use sqlite:///path or postgresql+psycopg://…")
    event.listen(engine, "before_cursor_execute", _check_texts)
    return engine


def _check_texts(
    connection: Connection, cursor: object, statement: str, parameters: Any, context: object, many: bool
) -> None:
    """Refuses texts that one of the databases does not keep, before either sees them.

    Raises:
        UnstorableText: a parameter is one.
    """
    for row in parameters if many else [parameters]:
        for value in row.values() if isinstance(row, Mapping) else row or ():
            if isinstance(value, str) and not is_storable(value):
                raise UnstorableText("a text holds a NUL or half a character, and cannot be stored")


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError("SQLite needs a file: sqlite:///path")
    path = Path(url.database)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_SECONDS,
        connect_args={"timeout": BUSY_MS / 1000},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # what was answered with 202 survives a power cut


def _begin(connection: Connection) -> None:
    """Begins what the caller is about to do: reading, or writing, for which there is a queue.

    SQLite's own waiting sleeps longer and longer, up to 100 ms a time, and so the longest waiter is the last
    to be served. Short sleeps of random length serve all alike.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    if not connection.get_execution_options().get("writes", False):
        driver.execute("BEGIN")
        return
    deadline = time.monotonic() + BUSY_MS / 1000
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise DBAPIError.instance("BEGIN IMMEDIATE", None, error, sqlite3.Error) from error
            time.sleep(random.uniform(0.0005, 0.003))
    finally:
        driver.execute(f"PRAGMA busy_timeout = {BUSY_MS}")


@contextmanager
def translated() -> Iterator[None]:
    """Turns the database's errors into the port's, which say whether to retry."""
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable(f"no free connection: {error}") from error
    except DBAPIError as error:
        raise _translate(error) from error


def _translate(error: DBAPIError) -> Exception:
    cause = error.orig
    state = getattr(cause, "sqlstate", None) or ""
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if "database or disk is full" in said or state in {"53100", "53200"}:
        return StoreFull(said)
    if "no such table" in said or "no such column" in said or state in {"42P01", "42703"}:
        return SchemaMismatch(f"{said}: run the migrations")
    # No code: the connection broke. 08 connection, 40 rolled back, 53 resources, 55 and 57 server state.
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    unavailable = kinds & {"OperationalError", "InterfaceError"} or state[:2] in {
        "08",
        "40",
        "53",
        "55",
        "57",
    }
    return StoreUnavailable(said) if unavailable or error.connection_invalidated else error
