"""Short ids: which ids begin with a text; a part of :class:`store.sql.SqlStore`."""

from sqlalchemy import select

from store.database.ids import Named, span_of
from store.database.tables import jobs, networks, predictors, studies
from store.database.transactions import SqlTransactions

_TABLES = {"job": jobs, "predictor": predictors, "network": networks, "study": studies}


class SqlShortIds(SqlTransactions):
    """The statement that completes an id."""

    def ids_beginning(
        self, what: Named, beginning: str, *, tenant_id: str = "default", limit: int = 5
    ) -> list[str]:
        span = span_of(beginning)
        if span is None:
            return []
        table = _TABLES[what]
        # Both ends have hyphens where every id has: the order is that of any collation.
        within = select(table.c.id).where(table.c.tenant_id == tenant_id, table.c.id.between(*span))
        with self._read() as connection:
            return list(connection.execute(within.order_by(table.c.id.desc()).limit(limit)).scalars())
