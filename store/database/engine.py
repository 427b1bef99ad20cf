"""What differs between SQLite and PostgreSQL: how to connect, what time it is, how a write begins.

SQLite runs in WAL mode. A writing transaction begins with ``BEGIN IMMEDIATE``: it waits for its turn at
the beginning, where SQLite lets it wait, and never fails with "database is locked" half-way.
"""

import errno
import os
import random
import sqlite3
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError

from store.database.strict_json import is_storable
from store.jobs.job import SchemaMismatch, StoreFull, StoreUnavailable, StoreUnusable, UnstorableText
from store.translated import translated

USE = "use sqlite:///path or postgresql+psycopg://user@host/database"
ROOM_BYTES = 1 << 20
"""With less room on its disk than this a SQLite file counts as full: a transaction may need that much."""
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
        StoreUnusable: another kind of database, SQLite in memory (each connection would see its own), or a
            file that cannot be written.
        StoreFull: there is no room for the file.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        # What it says may hold a password.
        raise StoreUnusable(f"the database's URL makes no sense: {USE}") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        engine = _sqlite(url)
    elif backend == "postgresql":
        from store.database.postgres import make_postgres_engine

        engine = make_postgres_engine(
            url.set(drivername="postgresql+psycopg"), POOL_SIZE, POOL_OVERFLOW, POOL_SECONDS
        )
    else:
        raise StoreUnusable(f"no store for {backend!r}: {USE}")
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
        raise StoreUnusable("SQLite needs a file: sqlite:///path")
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(f"there is no room for the database {path}") from None
        raise StoreUnusable(f"the database {path} cannot be made: {error.strerror or error}") from None
    check_file(path)
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


def check_file(path: Path) -> None:
    """What SQLite does not report of a file that it has open: whether it is still there, and has room.

    Raises:
        StoreUnusable: the file is gone, or cannot be written.
        StoreFull: the disk under it is full.
    """
    try:
        if not path.is_file():
            raise StoreUnusable(f"the database {path} is gone, or no file")
        room = os.statvfs(path.parent)
    except OSError as error:
        raise StoreUnusable(f"the database {path} cannot be reached: {error.strerror or error}") from None
    if not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK | os.X_OK)):
        raise StoreUnusable(f"the database {path} and its folder must be writable")
    if room.f_bavail * room.f_frsize < ROOM_BYTES:
        raise StoreFull(f"the disk under the database {path} is full")


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


def database_errors() -> AbstractContextManager[None]:
    """Translates the database's errors, see :func:`store.translated.translated`."""
    # sqlite3 raises its own while a connection is being made
    return translated((TimeoutError, DBAPIError, sqlite3.Error), _of_database)


def _of_database(error: Exception) -> Exception:
    if isinstance(error, TimeoutError):
        return StoreUnavailable(f"no free connection: {error}")
    cause: BaseException | None = error.orig if isinstance(error, DBAPIError) else error
    invalidated = isinstance(error, DBAPIError) and error.connection_invalidated
    state = getattr(cause, "sqlstate", None) or ""
    said = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    if "database or disk is full" in said or state in {"53100", "53200"}:
        return StoreFull(said)
    if "no such table" in said or "no such column" in said or state in {"42P01", "42703"}:
        return SchemaMismatch(f"{said}: run the migrations")
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StoreUnusable(f"the SQLite file is damaged, or is none: {said}; put a backup in its place")
    if code == sqlite3.SQLITE_READONLY:
        return StoreUnusable(f"the SQLite file cannot be written: {said}")
    # No code: the connection broke. 08 connection, 40 rolled back, 53 resources, 55 and 57 server state.
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    unavailable = kinds & {"OperationalError", "InterfaceError"} or state[:2] in {
        "08",
        "40",
        "53",
        "55",
        "57",
    }
    return StoreUnavailable(said) if unavailable or invalidated else error
