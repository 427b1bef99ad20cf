"""Trained networks on a database: a part of :class:`store.sql.SqlStore`."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from store.database import strict_json
from store.database.ids import is_id, new_id
from store.database.rows import utc
from store.database.tables import jobs, networks
from store.database.transactions import SqlTransactions
from store.jobs.job import Job, JobState, NotFound
from store.networks.network import KIND, NetworkSpec, StoredNetwork, TooManyNetworks, TrainedNetwork
from store.networks.port import NetworkStore


class SqlNetworks(SqlTransactions, NetworkStore):
    """The statements about networks; the store that it is mixed into brings the jobs."""

    _submit: Callable[..., tuple[Job, bool]]

    @abstractmethod
    def cancel(self, job_id: str, *, tenant_id: str = "default") -> Job:
        """See :meth:`store.port.Store.cancel`."""

    def create_network(
        self,
        spec: NetworkSpec,
        *,
        tenant_id: str = "default",
        idempotency_key: str | None = None,
        total: int = 0,
        most: int = 1_000,
    ) -> tuple[StoredNetwork, Job, bool]:
        with self._write() as connection:
            self._one_at_a_time(connection, f"networks of {tenant_id}")
            now = self._now(connection)
            network_id = new_id(now)
            job, created = self._submit(
                connection,
                KIND,
                {"network": network_id, **spec.to_dict()},
                tenant_id=tenant_id,
                idempotency_key=idempotency_key,
                total=total,
                content=strict_json.digest({"kind": KIND, **spec.to_dict()}),
            )
            if not created:
                known = str(job.payload["network"])
                return self._network(connection, known, tenant_id), job, False
            count = select(func.count()).select_from(networks).where(networks.c.tenant_id == tenant_id)
            if connection.execute(count).scalar_one() >= most:
                raise TooManyNetworks(f"there are {most} networks already")
            connection.execute(
                insert(networks).values(
                    id=network_id,
                    tenant_id=tenant_id,
                    job_id=job.id,
                    space=spec.space,
                    architecture=spec.architecture,
                    dataset=spec.dataset,
                    order=strict_json.dump(spec.order),
                    created_at=now,
                )
            )
            return self._network(connection, network_id, tenant_id), job, True

    def network(self, network_id: str, *, tenant_id: str = "default") -> StoredNetwork:
        with self._read() as connection:
            return self._network(connection, network_id, tenant_id)

    def networks(
        self, *, tenant_id: str = "default", after: str | None = None, limit: int = 20
    ) -> tuple[list[StoredNetwork], bool]:
        limit = min(max(limit, 1), 100)
        query = _query().where(networks.c.tenant_id == tenant_id)
        if after is not None:
            if not is_id(after):
                raise NotFound("the cursor is not a network's id")
            query = query.where(networks.c.id < after)
        with self._read() as connection:
            rows = connection.execute(query.order_by(networks.c.id.desc()).limit(limit + 1)).all()
        return [_stored(row) for row in rows[:limit]], len(rows) > limit

    def delete_network(self, network_id: str, *, tenant_id: str = "default") -> None:
        with self._write() as connection:
            found = self._network(connection, network_id, tenant_id)
            connection.execute(delete(networks).where(networks.c.id == network_id))
        self.cancel(found.job_id, tenant_id=tenant_id)

    # parts
    def _keep_network(
        self, connection: Connection, trained: TrainedNetwork, tenant_id: str, now: float
    ) -> None:
        """Notes what a training gave; nothing happens where the network is gone, or trained already."""
        which = (
            networks.c.id == trained.network_id,
            networks.c.tenant_id == tenant_id,
            networks.c.bundle.is_(None),
        )
        connection.execute(
            update(networks)
            .where(*which)
            .values(
                weights=trained.weights,
                bundle=trained.bundle,
                card=strict_json.dump(trained.card),
                trained_at=now,
            )
        )

    def _network(self, connection: Connection, network_id: str, tenant_id: str) -> StoredNetwork:
        if is_id(network_id):
            row = connection.execute(_query().where(networks.c.id == network_id)).one_or_none()
            if row is not None and row.tenant_id == tenant_id:
                return _stored(row)
        raise NotFound(f"no network {strict_json.clean(network_id, 64)!r}")


def _query() -> Select[Any]:
    """Networks with how their trainings stand."""
    columns = [*networks.c, jobs.c.state.label("job_state"), jobs.c.reason.label("job_reason")]
    return select(*columns).select_from(networks.join(jobs, jobs.c.id == networks.c.job_id))


def _stored(row: Row[Any]) -> StoredNetwork:
    order = strict_json.load(row.order)
    return StoredNetwork(
        row.id,
        row.tenant_id,
        NetworkSpec(row.space, row.architecture, row.dataset, order),
        row.job_id,
        JobState(row.job_state),
        row.job_reason,
        row.weights,
        row.bundle,
        {} if row.card is None else strict_json.load(row.card),
        utc(row.created_at),
        None if row.trained_at is None else utc(row.trained_at),
    )
