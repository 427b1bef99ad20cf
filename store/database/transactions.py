"""Transactions on a database, used by every part of :class:`store.sql.SqlStore`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite

from store.database.engine import CLOCKS, POOL_SIZE, database_errors, make_engine


class SqlTransactions:
    """An engine, reading and writing transactions on it, and the database's own clock.

    Args:
        database_url: ``sqlite:///path`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, database_url: str) -> None:
        self._engine = make_engine(database_url)
        url = self._engine.url
        self._file = Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
        self._clock = CLOCKS[self._engine.dialect.name]

    def connect_ahead(self) -> None:
        """Opens as many connections as are kept, so that no burst of requests waits for them later.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        with ExitStack() as opened:
            for _ in range(POOL_SIZE):
                opened.enter_context(self._read())

    # transactions
    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with database_errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with (
            database_errors(),
            self._engine.connect().execution_options(writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def _one_at_a_time(self, connection: Connection, what: str) -> None:
        """Lets transactions that name the same thing pass one after the other, to this one's end.

        For what no row stands yet that could be locked: a count, or a name that may be free. On SQLite one
        transaction writes at a time anyway.
        """
        if self._engine.dialect.name == "postgresql":
            lock = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")
            connection.execute(lock, {"what": what})

    def _now(self, connection: Connection) -> float:
        now: float = connection.execute(self._clock).scalar_one()
        return now

    def _insert(self, table: Table) -> Any:
        """An insert of the database's own dialect, which can say what happens on a conflict."""
        dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table)

    def _insert_or_ignore(self, table: Table) -> Any:
        return self._insert(table).on_conflict_do_nothing()
