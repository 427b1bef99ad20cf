"""Devices, by what was measured on them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import FIRST_ONLY, Create, Name, Variables
from spaces.names import PATTERN

MOST_MEASUREMENTS = 1000
"""Of one device."""


class MeasurementCreate(Create):
    """What one architecture took on a device."""

    architecture: str | Variables
    value: float = Field(description="in the metric's unit; positive")


class DeviceCreate(Create):
    """A device, by measurements of at least two architectures on it, or by what a study observed of it.

    Measurements take the place of those that the device has; observations join them.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "my-board",
                "space": "nasbench201",
                "metric": "latency_ms",
                "measurements": [
                    {
                        "architecture": "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
                        "+|skip_connect~0|nor_conv_3x3~1|none~2|",
                        "value": 4.1,
                    },
                    {
                        "architecture": "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
                        "value": 1.2,
                    },
                ],
            }
        }
    )

    name: str = Field(pattern=f"^{PATTERN}$")
    space: Name
    metric: Name = "latency_ms"
    measurements: Annotated[list[MeasurementCreate], FIRST_ONLY] = Field([], max_length=MOST_MEASUREMENTS)
    study: Name | None = Field(
        None, description="a study of yours, whose observations of the device join its measurements"
    )


class CrossValidationPublic(BaseModel):
    """How a device's model does on its own measurements, each left out in its turn.

    ``coverage`` is the share within the 90 % interval. None where too few measurements say nothing.
    """

    spearman: float | None
    coverage: float | None


class MeasuredDevicePublic(BaseModel):
    """A device that was added; ``model`` is the SHA-256 behind its predictions."""

    device: str
    space: str
    metric: str
    measurements: int
    cross_validation: CrossValidationPublic
    model: str


class ProbePublic(BaseModel):
    """Architectures to measure on a new device, the most informative first."""

    space: str
    metric: str
    architectures: list[str]


class DevicePublic(BaseModel):
    """A machine whose costs were measured for a space; ``reason`` says why its table cannot be read.

    ``measurements`` is how many there are of a device that was added; None for one of the tables.
    """

    space: str
    name: str
    metrics: list[str]
    source: str
    available: bool
    reason: str | None
    measurements: int | None = None


class DeviceList(BaseModel):
    """A page of devices."""

    devices: list[DevicePublic]
    has_more: bool
