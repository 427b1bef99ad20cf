"""What AnalogNAS-Bench's digits mean, and which contents are refused."""

import pickle

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.analog_nasbench import AnalogNasBench
from benchmarks.errors import TableDamaged
from benchmarks.restricted_unpickler import load
from spaces.known import get_space

TABLE = AnalogNasBench()
DIGITS = {"skip_connect": 0, "none": 1, "nor_conv_3x3": 2, "nor_conv_1x1": 3, "avg_pool_3x3": 4}


def test_the_digits_mapping_agrees_with_the_official_accuracies(tables, data_dir):
    """Spearman 0.99 over all cells; the next-best reading of the digits gives 0.97."""
    every = get_space("nasbench201").enumerate()
    official = tables.values("nasbench201", "accuracy@cifar10", every)
    digital = tables.values("nasbench201", "accuracy@cifar10-fp32", every)
    assert spearmanr(official, digital).statistic > 0.985


def test_values_are_the_table_s(tables):
    space = get_space("nasbench201")
    content = load(TABLE.fetch(None))
    codes = space.sample(200, np.random.default_rng(0))
    for row, text in zip(codes, space.format(codes), strict=True):
        # |a~0|+|b~0|c~1|+|d~0|e~1|f~2| → edges 0→1, 0→2, 1→2, 0→3, 1→3, 2→3 → the package's order
        a, b, c, d, e, f = (
            DIGITS[part.split("~")[0]] for group in text.split("+") for part in group.strip("|").split("|")
        )
        record = content[a, b, d, c, e, f].fields
        for key, value in (
            ("accuracy@cifar10-fp32", record["baseline_accuracy"]),
            ("accuracy@cifar10-int8-ptq", record["ptq_accuracy"]),
            ("accuracy@cifar10-int8-qat", record["qat_accuracy"]),
            ("accuracy@cifar10-analog", record["analog_accuracy"]),
            ("accuracy@cifar10-noisy", record["noisy_accuracy"]),
            ("accuracy@cifar10-analog-1d", record["analog_drift_86400"].fields["value"]),
            ("accuracy@cifar10-noisy-30d", record["baseline_drift_2592000"].fields["value"]),
        ):
            assert tables.values("nasbench201", key, row[None]).tolist() == [value]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"a": 1},
        {(0, 0, 0, 0, 0): 1.0},
        {(0, 0, 0, 0, 0, 5): 1.0},
        {(0, 0, 0, 0, 0, 0): {"a": 1.0}},
    ],
)
def test_other_content_is_damaged(content):
    with pytest.raises(TableDamaged):
        TABLE.convert(pickle.dumps(content, 4))


@pytest.mark.parametrize("value", [b"K\x01", b"N", b"X\x01\x00\x00\x00a", b"G\x7f\xf0" + b"\0" * 6])
def test_a_record_without_its_numbers_is_damaged(value):
    record = b"canalognasbench.data\nArchitecture\n)\x81}X\x11\x00\x00\x00baseline_accuracy" + value + b"sb"
    with pytest.raises(TableDamaged):
        TABLE.convert(b"\x80\x03}(" + b"K\x00" * 6 + b"t" + record + b"s.")
