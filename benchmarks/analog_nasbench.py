"""AnalogNAS-Bench (arXiv:2506.18495): the 15,625 cells of NAS-Bench-201 on CIFAR-10 at several precisions.

``fp32`` is the digital network; ``int8-ptq`` and ``int8-qat`` are it quantized after and during training;
``analog`` was trained for, and runs on, simulated in-memory hardware. Extra columns: ``noisy`` is the digital
network put on that hardware as it is; an ending such as ``-1d`` is the time since the weights were
programmed, while the devices drift.
"""

from typing import final

import numpy as np

from benchmarks.errors import TableDamaged
from benchmarks.packaged import PackagedTable
from benchmarks.restricted_unpickler import Record, load
from benchmarks.table import Column, Rows, register
from spaces.families.nasbench201 import CHOICES, EDGES
from spaces.metric import Quantity
from spaces.space import Codes

_NAME = "analog-nasbench"
_AGES = {"60": "60s", "3600": "1h", "86400": "1d", "2592000": "30d"}

# Attribute of the package's record → task.
_TASKS = {
    "baseline_accuracy": "cifar10-fp32",
    "ptq_accuracy": "cifar10-int8-ptq",
    "qat_accuracy": "cifar10-int8-qat",
    "analog_accuracy": "cifar10-analog",
}
_EXTRA_TASKS = {
    "noisy_accuracy": "cifar10-noisy",
    **{f"analog_drift_{seconds}": f"cifar10-analog-{age}" for seconds, age in _AGES.items()},
    **{f"baseline_drift_{seconds}": f"cifar10-noisy-{age}" for seconds, age in _AGES.items()},
}

# The package's keys are six digits. What they mean was measured: of all 86,400 readings this one agrees with
# the official accuracies (Spearman 0.99; the next best 0.97). See tests/benchmarks/test_analog_nasbench.py.
_DIGITS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
_DIGIT_EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


@final
class AnalogNasBench(PackagedTable):
    """The package's one file."""

    name = _NAME
    space = "nasbench201"
    distribution = "analog-nasbench"
    version = "0.1.3"
    path = "analognasbench/data.anb"
    sha256 = "85f3435b877aa2d36268d55ce07f6ff6d73643d17a840f1941745da5eb80db32"
    origin = "package analog-nasbench 0.1.3"
    columns = tuple(
        Column(
            Quantity("accuracy", task=task),
            _NAME,
            "AnalogNAS-Bench (arXiv:2506.18495), PyPI analog-nasbench 0.1.3",
            split="test",
            extra=attribute in _EXTRA_TASKS,
            description=attribute.replace("_", " "),
        )
        for attribute, task in (_TASKS | _EXTRA_TASKS).items()
    )

    def convert(self, data: bytes) -> Rows:
        """Records keyed by their digits → rows."""
        content = load(data)
        if not isinstance(content, dict) or not content:
            raise TableDamaged(f"{self.path} holds no dictionary of records")
        values = [
            [_number(record, attribute) for record in content.values()] for attribute in _TASKS | _EXTRA_TASKS
        ]
        return Rows.of(_codes(list(content)), np.array(values))


def _codes(keys: list[object]) -> Codes:
    """Codes (n, 6) of keys of six digits."""
    if not all(
        isinstance(key, tuple) and len(key) == 6 and all(digit in range(5) for digit in key) for key in keys
    ):
        raise TableDamaged("a key is not six digits from 0 to 4")
    operation = np.array([CHOICES.index(name) for name in _DIGITS], dtype=np.int8)
    order = [_DIGIT_EDGES.index(edge) for edge in EDGES]
    codes: Codes = operation[np.array(keys, dtype=np.int64)[:, order]]
    return codes


def _number(record: object, attribute: str) -> float:
    """A record's attribute, in %; of a drift measurement the mean."""
    value = record.fields.get(attribute) if isinstance(record, Record) else None
    if isinstance(value, Record):
        value = value.fields.get("value")
    if not isinstance(value, float):
        raise TableDamaged(f"a record has no number {attribute!r}")
    return value


register(AnalogNasBench())
