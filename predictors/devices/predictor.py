"""A measured device as a predictor, so that whatever takes predictors takes devices too."""

import json
from dataclasses import replace
from typing import Self, final

import numpy as np

from predictors.devices import shipped as shipped_devices
from predictors.devices.measurements import InvalidMeasurements
from predictors.devices.model import FittedDevice
from predictors.prediction import Prediction
from predictors.predictor import DamagedModel, NotEnoughLabels, Predictor
from spaces.space import Codes, Floats, InvalidArchitecture, Space


@final
class DevicePredictor(Predictor):
    """One device's latency, by the shared model that ships and few measurements.

    Args:
        space: one with a shipped device model.
        without: known devices to leave out; intervals need no change, since they are calibrated on left-out
            devices.

    Raises:
        KeyError: where none ships.
    """

    kind = "device"

    def __init__(
        self,
        space: Space,
        *,
        task: str | None = None,
        seed: int = 0,
        without: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(space, task=task, seed=seed)
        whole = shipped_devices.load(space.name)
        self._without = without & set(whole.known.names)
        self._model = replace(
            whole.without(set(self._without)), calibrations=whole.calibrations, one_sided=whole.one_sided
        )
        self._measured: tuple[Codes, Floats] | None = None
        self._device: FittedDevice | None = None

    def fit(self, codes: Codes, values: Floats) -> Self:
        """Learns from measurements: positive values of distinct architectures."""
        try:
            self._device = self._model.fit(codes, values)
        except InvalidMeasurements as error:
            raise NotEnoughLabels(str(error)) from error
        self._measured = (codes.copy(), np.asarray(values, dtype=np.float64).copy())
        return self

    def refine(self, codes: Codes, values: Floats) -> Self:
        """Fits all measurements so far and these, which takes milliseconds.

        If an architecture is measured again, its last measurement counts.
        """
        if self._measured is None:
            return self.fit(codes, values)
        known, labels = self._measured
        together, values = np.concatenate([known, codes]), np.concatenate([labels, values])
        last = {row.tobytes(): index for index, row in enumerate(together)}
        rows = sorted(last.values())
        return self.fit(together[rows], values[rows])

    def predict(self, codes: Codes, confidence: float = 0.9) -> Prediction:
        """Predictions for codes (b, v); bounds are NaN where too few measurements promise none."""
        return self._fitted().predict(codes, confidence)

    def probability_below(self, codes: Codes, bound: float) -> Floats:
        """P(value ≤ bound) for codes (b, v), (b,)."""
        return self._fitted().probability_below(codes, bound)

    def probability_within(self, codes: Codes, low: float | None, high: float | None) -> Floats:
        """See :class:`predictors.calibration.feasibility.Cautious`."""
        return self._fitted().probability_within(codes, low, high)

    def to_bytes(self) -> bytes:
        """The measurements, and which shared model reads them, as JSON."""
        self._fitted()
        assert self._measured is not None
        codes, values = self._measured
        content = {
            "space": self.space.name,
            "model": shipped_devices.digest(self.space.name),
            **({"without": sorted(self._without)} if self._without else {}),
            "architectures": self.space.format(codes),
            "values": values.tolist(),
        }
        return json.dumps(content).encode()

    @classmethod
    def from_bytes(cls, data: bytes, space: Space) -> Self:
        """Reads what :meth:`to_bytes` wrote and fits it again.

        Raises:
            DamagedModel: for damaged bytes, another space's device, or one of another shared model.
        """
        try:
            content = json.loads(data)
            if (content["space"], content["model"]) != (space.name, shipped_devices.digest(space.name)):
                raise DamagedModel(f"the bytes are no device of this {space.name} model")
            codes = space.parse_many(content["architectures"])
            without = frozenset(content.get("without", ()))
            return cls(space, without=without).fit(codes, np.array(content["values"], dtype=np.float64))
        except (ValueError, KeyError, TypeError, InvalidArchitecture) as error:
            raise DamagedModel(f"the bytes are no device of {space.name}: {error}") from error

    def _fitted(self) -> FittedDevice:
        if self._device is None:
            raise NotEnoughLabels("the device was not measured yet")
        return self._device
