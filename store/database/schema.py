"""Migrations: all steps in one transaction, one process at a time, up and down."""

import time

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from store.jobs.job import SchemaMismatch

ADVISORY_LOCK = 0x6E657477  # "netw"


def migrate(engine: Engine, target: str = "head") -> str | None:
    """Moves the tables up or down to a revision; other processes that try at the same time wait for it.

    Args:
        target: a revision, ``head``, or ``base`` for no tables at all.

    Returns:
        The revision that the database has now.

    Raises:
        SchemaMismatch: the database has a revision that this program does not know.
    """
    if engine.dialect.name == "sqlite":
        _enable_wal(engine)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            from store.database.postgres import MIGRATION_SECONDS

            driver = connection.connection.dbapi_connection
            driver.answer_seconds = MIGRATION_SECONDS  # type: ignore[union-attr]
            connection.execute(text(f"SET LOCAL statement_timeout = {MIGRATION_SECONDS * 1000:.0f}"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
            _run(connection, target)
            del driver.answer_seconds  # type: ignore[union-attr]
        else:
            _run(connection, target)
        return current(connection)


def current(connection: Connection) -> str | None:
    """The revision that the database has; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def _run(connection: Connection, target: str) -> None:
    config = Config()
    config.set_main_option("script_location", "store.database:migrations")
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    have = current(connection)
    order = [script.revision for script in scripts.walk_revisions()][::-1]
    if have is not None and have not in order:
        raise SchemaMismatch(f"the database has schema {have}, which this version does not know")
    wanted = order[-1] if target == "head" else target
    try:
        if wanted == "base" or (have is not None and order.index(wanted) < order.index(have)):
            command.downgrade(config, wanted)
        else:
            command.upgrade(config, wanted)
    except (CommandError, ValueError) as error:
        raise SchemaMismatch(str(error)) from error


def _enable_wal(engine: Engine) -> None:
    """WAL mode is stored in the file. Switching needs exclusive access, and SQLite does not wait for it."""
    deadline = time.monotonic() + 10
    while True:
        driver = engine.raw_connection()
        try:
            driver.cursor().execute("PRAGMA journal_mode = WAL")
            return
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise OperationalError("PRAGMA journal_mode", None, error) from error
            time.sleep(0.02)
        finally:
            driver.close()
