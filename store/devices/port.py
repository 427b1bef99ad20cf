"""Devices of tenants: a part of the store's port."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from store.devices.device import Device


class DeviceStore(ABC):
    """Devices that tenants described by measurements."""

    @abstractmethod
    def put_device(
        self,
        space: str,
        name: str,
        metric: str,
        measurements: Sequence[tuple[str, float]],
        *,
        tenant_id: str = "default",
    ) -> Device:
        """Stores the measurements of a tenant's device; those that it had before are replaced, whole.

        Args:
            space: whose architectures were measured.
            name: of the device; unique for each tenant and space.
            metric: what was measured.
            measurements: canonical strings and values.

        Raises:
            InvalidJson: a value is NaN or infinite; nothing was stored.
        """

    @abstractmethod
    def device(self, space: str, name: str, *, tenant_id: str = "default") -> Device:
        """The tenant's device of a space and a name.

        Raises:
            NotFound: no such device, or another tenant's.
        """

    @abstractmethod
    def devices(self, *, tenant_id: str = "default", space: str | None = None) -> list[Device]:
        """The tenant's devices, of one space or of all, by space and name."""

    @abstractmethod
    def delete_device(self, space: str, name: str, *, tenant_id: str = "default") -> None:
        """Removes a tenant's device; designs that were ordered with it keep its measurements.

        Raises:
            NotFound: no such device, or another tenant's.
        """
