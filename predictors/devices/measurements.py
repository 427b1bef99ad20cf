"""What is measured on a new device, and when nothing can be learned from it."""

from collections.abc import Sequence

import numpy as np

from spaces.metric import value_fault
from spaces.space import Codes, Floats

APART = 1e-9
"""Values that differ by less, relative to the largest, are the same but for rounding."""
METRIC = "latency_ms"


class InvalidMeasurements(ValueError):
    """Measurements that no device can be learned from; not worth a retry with the same ones.

    Args:
        message: what is wrong.
        index: of the first measurement that is wrong; None where it is all of them.
        field: which part of it: ``architecture`` or ``value``.
    """

    def __init__(self, message: str, *, index: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index
        self.field = field


def check_measurements(codes: Codes, values: Floats) -> None:
    """Raises where no device can be learned from measurements (k, v) and (k,).

    Raises:
        InvalidMeasurements: naming the first that is wrong.
    """
    if len(codes) != len(values):
        raise InvalidMeasurements("there must be one value for each architecture")
    for index, value in enumerate(values):
        fault = value_fault(METRIC, float(value))
        if fault is None and value <= 0:
            fault = f"is {value:g}, and must be a positive number"
        if fault is not None:
            raise InvalidMeasurements(fault, index=index, field="value")
    if len(codes) < 2:
        raise InvalidMeasurements("at least two architectures must be measured")
    seen: dict[bytes, int] = {}
    for index, row in enumerate(codes):
        before = seen.setdefault(row.tobytes(), index)
        if before != index:
            same = values[before] == values[index]
            what = "is given twice" if same else f"contradicts measurement {before} of the same architecture"
            raise InvalidMeasurements(what, index=index, field="architecture")
    if not tell_apart(values):
        raise InvalidMeasurements("all values are the same, so fast and slow cannot be distinguished")


def tell_apart(values: Sequence[float] | Floats) -> bool:
    """Whether values differ by more than rounding.

    >>> tell_apart([93.1, 93.10000000000001])
    False
    """
    return bool(np.ptp(values) > APART * np.abs(values).max())
