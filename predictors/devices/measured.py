"""A device that someone measured, by its measurements alone: what a job carries and a process caches.

Importing this loads no model library; fitting does.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from spaces.known import get_space
from spaces.metric import Quantity

if TYPE_CHECKING:
    from predictors.devices.predictor import DevicePredictor


@dataclass(frozen=True, slots=True)
class MeasuredDevice:
    """A name and what was measured.

    Args:
        space: whose architectures were measured.
        name: of the device.
        metric: what was measured.
        measurements: canonical strings and values, in the metric's unit.
    """

    space: str
    name: str
    metric: str
    measurements: tuple[tuple[str, float], ...]

    @property
    def quantity(self) -> Quantity:
        """What it predicts."""
        return Quantity(self.metric, device=self.name)

    def predictor(self) -> "DevicePredictor":
        """The fitted predictor; kept for later calls in this process.

        Raises:
            NotEnoughLabels: where nothing can be learned from the measurements.
            KeyError: where no device model of the space ships.
        """
        return _fit(self.space, self.measurements)


@lru_cache(maxsize=64)
def _fit(space: str, measurements: tuple[tuple[str, float], ...]) -> "DevicePredictor":
    import numpy as np

    from predictors.devices.predictor import DevicePredictor

    codes = get_space(space).parse_many(architecture for architecture, _ in measurements)
    return DevicePredictor(get_space(space)).fit(codes, np.array([value for _, value in measurements]))
