"""Devices of tenants in memory: a part of :class:`store.memory.MemoryStore`."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from store.database import strict_json
from store.devices.device import Device
from store.devices.port import DeviceStore
from store.jobs.job import NotFound


class MemoryDevices(DeviceStore):
    """The store that it is mixed into brings the lock and the clock."""

    _lock: threading.RLock
    _clock: Callable[[], float]

    def __init__(self) -> None:
        self._devices: dict[tuple[str, str, str], Device] = {}

    def put_device(
        self,
        space: str,
        name: str,
        metric: str,
        measurements: Sequence[tuple[str, float]],
        *,
        tenant_id: str = "default",
    ) -> Device:
        strict_json.dump({"measurements": [list(pair) for pair in measurements]})
        with self._lock:
            at = datetime.fromtimestamp(self._clock(), UTC)
            device = Device(tenant_id, space, name, metric, tuple(measurements), at)
            self._devices[tenant_id, space, name] = device
            return device

    def device(self, space: str, name: str, *, tenant_id: str = "default") -> Device:
        with self._lock:
            found = self._devices.get((tenant_id, space, name))
        if found is None:
            raise NotFound(f"no device {strict_json.clean(name, 64)!r}")
        return found

    def devices(self, *, tenant_id: str = "default", space: str | None = None) -> list[Device]:
        with self._lock:
            found = sorted(self._devices.items())
        return [device for (owner, own, _), device in found if owner == tenant_id and space in (None, own)]

    def delete_device(self, space: str, name: str, *, tenant_id: str = "default") -> None:
        with self._lock:
            if self._devices.pop((tenant_id, space, name), None) is None:
                raise NotFound(f"no device {strict_json.clean(name, 64)!r}")
