"""Findings of evaluations on a database: a part of :class:`store.sql.SqlStore`."""

from collections.abc import Mapping

from sqlalchemy import select

from store.database import strict_json
from store.database.tables import evaluations
from store.database.transactions import SqlTransactions
from store.evaluations.port import EvaluationStore, Found


class SqlEvaluations(SqlTransactions, EvaluationStore):
    """The statements about findings."""

    def found(self, key: str, *, tenant_id: str = "default") -> Found | None:
        query = select(evaluations).where(evaluations.c.tenant_id == tenant_id, evaluations.c.key == key)
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Found(row.job_id, strict_json.load(row.content))

    def keep_found(
        self, key: str, content: Mapping[str, object], *, job_id: str, tenant_id: str = "default"
    ) -> Found:
        values = {"tenant_id": tenant_id, "key": key, "job_id": job_id, "content": strict_json.dump(content)}
        query = select(evaluations).where(evaluations.c.tenant_id == tenant_id, evaluations.c.key == key)
        with self._write() as connection:
            connection.execute(
                self._insert_or_ignore(evaluations).values(values | {"at": self._now(connection)})
            )
            row = connection.execute(query).one()
        return Found(row.job_id, strict_json.load(row.content))
