"""Files of the data directory: what is read, what is refused. The numbers here are made up."""

import gzip

import numpy as np
import pytest

from benchmarks.errors import TableDamaged
from benchmarks.nasbench201_csv import Accuracies, Latencies
from benchmarks.tables import Tables
from spaces.known import get_space

SPACE = get_space("nasbench201")
CELLS = SPACE.format(SPACE.enumerate()[[0, 100, 9_000]])
HEADER = "index,arch,cifar10_valid_12ep,cifar10_train_seconds_12ep,cifar10_test,cifar100_test"


def packed(*lines: str) -> bytes:
    return gzip.compress("\n".join([HEADER, *lines]).encode())


def test_empty_entries_are_missing_and_repeated_cells_keep_the_mean(tmp_path):
    content = packed(
        f"0,{CELLS[0]},10,1,20,30",
        f"1,{CELLS[1]},,1,21,",
        f"2,{CELLS[2]},12,1,22,32",
        f"3,{CELLS[2]},,1,24,32",
    )
    (tmp_path / "nasbench201_accuracy.csv.gz").write_bytes(content)
    tables = Tables(tmp_path / "cache", tmp_path)
    codes = SPACE.parse_many([*CELLS, SPACE.format(SPACE.enumerate()[[7]])[0]])
    nan = float("nan")
    for key, expected in (
        ("accuracy@cifar10", [20, 21, 23, nan]),
        ("accuracy@cifar100", [30, nan, 32, nan]),
        ("accuracy@cifar10-valid-12ep", [10, nan, 12, nan]),
    ):
        np.testing.assert_array_equal(tables.values("nasbench201", key, codes), expected)
        assert len(tables.architectures("nasbench201", key)) == np.isfinite(expected).sum()


GOOD = f"0,{CELLS[0]},10,1,20,30"
BAD = {
    "no gzip": b"index,arch",
    "cut off": packed(GOOD)[:-12],
    "empty": b"",
    "empty inside": gzip.compress(b""),
    "no utf-8": gzip.compress(b"\xff\xfe"),
    "header only": packed(),
    "a column is missing": gzip.compress(f"arch,cifar10_test\n{CELLS[0]},1".encode()),
    "a short line": packed(GOOD, f"0,{CELLS[0]},10"),
    "a long line": packed(GOOD, GOOD + ",5"),
    "no number": packed(f"0,{CELLS[0]},10,1,high,30"),
    "infinite": packed(f"0,{CELLS[0]},10,1,inf,30"),
    "no cell": packed("0,|nor_conv_9x9~0|,10,1,20,30"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_says_so(name, tmp_path):
    with pytest.raises(TableDamaged):
        Accuracies().convert(BAD[name])
    (tmp_path / "nasbench201_accuracy.csv.gz").write_bytes(BAD[name])
    tables = Tables(tmp_path / "cache", tmp_path)
    first = tables.available("nasbench201", "accuracy@cifar10")
    assert first and first == tables.available("nasbench201", "accuracy@cifar100")
    assert not (tmp_path / "cache").exists()


def test_a_file_that_unpacks_to_much_is_refused():
    with pytest.raises(TableDamaged, match="unpacks to more than"):
        Accuracies().convert(gzip.compress(b"0" * (80 * 2**20), 1))


def test_a_repaired_file_is_read(tmp_path):
    path = tmp_path / "nasbench201_accuracy.csv.gz"
    tables = Tables(tmp_path / "cache", tmp_path)
    assert tables.available("nasbench201", "accuracy@cifar10") is not None  # absent
    path.write_bytes(BAD["no number"])
    assert tables.available("nasbench201", "accuracy@cifar10") is not None  # damaged
    assert {status.unavailable for status in tables.status() if status.name == "nasbench201-accuracy"} != {
        None
    }
    path.write_bytes(packed(GOOD))
    assert tables.available("nasbench201", "accuracy@cifar10") is None


def test_the_devices_are_the_file_s(data_dir):
    with gzip.open(data_dir / "nasbench201_latency_ms.csv.gz", "rt") as file:
        assert file.readline().strip().split(",")[2:] == list(Latencies.fields)
