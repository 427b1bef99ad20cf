"""PostgreSQL connections that never hang: every wait for the server has an end.

A server that is stopped (``SIGSTOP``, a paused machine) still acknowledges packets, so neither TCP
timeouts nor ``statement_timeout`` end the wait. The client does, in :class:`TimedConnection`.
"""

from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy import URL, Engine, create_engine

ANSWER_SECONDS = 5.0
"""How long a statement may take, seen from here; the store's statements take milliseconds."""
MIGRATION_SECONDS = 600.0
CONNECT_SECONDS = 4
"""A call that finds its connection dead, and then the server, ends after the sum of both."""

SESSION: dict[str, object] = {
    "timezone": "UTC",
    "statement_timeout": int(ANSWER_SECONDS * 1000),
    # The server ends what a client that vanished has left, so that its row locks do not stay.
    "idle_in_transaction_session_timeout": 60_000,
    # Every statement of the store has its index. A young database has no statistics yet, and without
    # them the planner would rather sort ten thousand jobs than read a page of them in order.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
}


class TimedConnection(psycopg.Connection[Any]):
    """A connection whose statements fail after :attr:`answer_seconds` without an answer."""

    answer_seconds: float = ANSWER_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Runs one exchange with the server.

        Raises:
            psycopg.OperationalError: the server did not answer in time; the connection is closed.
        """
        limit = self.answer_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval=interval, timeout=limit)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer from the server in {limit:g} s") from None


def make_postgres_engine(url: URL, pool_size: int, overflow: int, pool_seconds: float) -> Engine:
    """An engine on psycopg 3; connections are tried before use, so that a server's restart is survived."""
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)

    def connect() -> psycopg.Connection[Any]:
        return TimedConnection.connect(
            conninfo,
            connect_timeout=CONNECT_SECONDS,
            application_name="netwright",
            options=" ".join(f"-c {name}={value}" for name, value in SESSION.items()),
        )

    return create_engine(
        url,
        creator=connect,
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=pool_seconds,
    )
