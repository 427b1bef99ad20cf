"""A device that a tenant has measured: plain data."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Device:
    """Measurements on one machine; unique for each tenant, space and name.

    Args:
        tenant_id: whose it is.
        space: whose architectures were measured.
        name: of the machine.
        metric: what was measured.
        measurements: canonical string and value, in the metric's unit.
        created_at: when they were stored last, by the store's clock.
    """

    tenant_id: str
    space: str
    name: str
    metric: str
    measurements: tuple[tuple[str, float], ...]
    created_at: datetime
