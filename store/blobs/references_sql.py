"""Which blobs the rows of a database name: a part of :class:`store.sql.SqlStore`.

Every text column of every table is searched, so that a new one cannot be forgotten. What does not count is
said here, with the reason.
"""

import secrets
from collections.abc import Iterator, Set
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, exists, select, tuple_

from store.blobs.references_port import ReferenceStore, names_in
from store.database.ids import is_id
from store.database.tables import events, facts, jobs, metadata, results, user_spaces
from store.database.transactions import SqlTransactions
from store.networks.network import KIND as NETWORK
from store.predictors.predictor import KIND as PREDICTOR
from store.spaces.space import KIND as SPACE

LOGS = frozenset({events.name})
"""What an event names, a row of the job's names too: its result, or an observation."""
IDENTITY = "identity"
PAGE = 100
"""Rows of one statement: some hold hundreds of kilobytes."""


class SqlReferences(SqlTransactions, ReferenceStore):
    """The statements about references."""

    def named_blobs(self, names: Set[str]) -> set[str]:
        found: set[str] = set()
        for table in metadata.sorted_tables:
            if table.name not in LOGS:
                for row in self._texts(table):
                    found |= names_in(row, names)
        return found

    def unfinished_jobs(self, ids: Set[str]) -> set[str]:
        unfinished: set[str] = set()
        with self._read() as connection:
            for job_id in filter(is_id, ids):
                query = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.finished_at.is_(None))
                unfinished.update(connection.execute(query).scalars())
        return unfinished

    def identity(self) -> str:
        with self._write() as connection:
            new = self._insert_or_ignore(facts).values(name=IDENTITY, value=secrets.token_hex(16))
            connection.execute(new)
            found: str = connection.execute(
                select(facts.c.value).where(facts.c.name == IDENTITY)
            ).scalar_one()
        return found

    def _texts(self, table: Table) -> Iterator[tuple[object, ...]]:
        """The text columns of all rows that count, each page in a transaction of its own."""
        key = list(table.primary_key)
        columns = [column for column in table.columns if isinstance(column.type, Text)]
        query: Select[Any] = select(*key, *columns).where(*_counts(table)).order_by(*key).limit(PAGE)
        page: Any = True
        last: tuple[object, ...] | None = None
        while page:
            onwards = query if last is None else query.where(tuple_(*key) > tuple_(*last))
            with self._read() as connection:
                page = connection.execute(onwards).all()
            for row in page:
                last = tuple(row[: len(key)])
                yield tuple(row[len(key) :])


def _counts(table: Table) -> list[ColumnElement[bool]]:
    """Conditions of the rows that keep a blob."""
    if table is not results:
        return []
    # The result of a training names the weights it made. Those of a predictor stand in its versions, those
    # of a network in its row; those of a space's generator only in the result of the job that the space
    # names.
    training = exists().where(jobs.c.id == results.c.job_id, jobs.c.kind.in_([PREDICTOR, SPACE, NETWORK]))
    current = exists().where(user_spaces.c.job_id == results.c.job_id)
    return [~training | current]
