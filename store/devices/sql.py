"""Devices of tenants on a database: a part of :class:`store.sql.SqlStore`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select

from store.database import strict_json
from store.database.tables import devices
from store.database.transactions import SqlTransactions
from store.devices.device import Device
from store.devices.port import DeviceStore
from store.jobs.job import NotFound


class SqlDevices(SqlTransactions, DeviceStore):
    """The statements about devices."""

    def put_device(
        self,
        space: str,
        name: str,
        metric: str,
        measurements: Sequence[tuple[str, float]],
        *,
        tenant_id: str = "default",
    ) -> Device:
        text = strict_json.dump({"measurements": [list(pair) for pair in measurements]})
        with self._write() as connection:
            new = {"metric": metric, "measurements": text, "created_at": self._now(connection)}
            own = {"tenant_id": tenant_id, "space": space, "name": name}
            return _device(
                connection.execute(
                    self._insert(devices)
                    .values(**own, **new)
                    .on_conflict_do_update(index_elements=list(own), set_=new)
                    .returning(devices)
                ).one()
            )

    def device(self, space: str, name: str, *, tenant_id: str = "default") -> Device:
        query = select(devices).where(
            devices.c.tenant_id == tenant_id, devices.c.space == space, devices.c.name == name
        )
        with self._read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"no device {strict_json.clean(name, 64)!r}")
        return _device(row)

    def devices(self, *, tenant_id: str = "default", space: str | None = None) -> list[Device]:
        query = select(devices).where(devices.c.tenant_id == tenant_id)
        if space is not None:
            query = query.where(devices.c.space == space)
        with self._read() as connection:
            found = [_device(row) for row in connection.execute(query)]
        # Sorted here: databases differ in how they order text.
        return sorted(found, key=lambda device: (device.space, device.name))

    def delete_device(self, space: str, name: str, *, tenant_id: str = "default") -> None:
        which = (devices.c.tenant_id == tenant_id, devices.c.space == space, devices.c.name == name)
        with self._write() as connection:
            if not connection.execute(delete(devices).where(*which)).rowcount:
                raise NotFound(f"no device {strict_json.clean(name, 64)!r}")


def _device(row: Any) -> Device:
    pairs = strict_json.load(row.measurements)["measurements"]
    assert isinstance(pairs, list)
    at = datetime.fromtimestamp(row.created_at, UTC)
    return Device(
        row.tenant_id, row.space, row.name, row.metric, tuple((str(a), float(v)) for a, v in pairs), at
    )
