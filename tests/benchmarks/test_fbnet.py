"""FBNet's latencies: what the table answers and refuses."""

import csv
import gzip

import pytest

from benchmarks.errors import TableDamaged
from benchmarks.fbnet_csv import FbNetLatencies
from spaces.known import get_space

SPACE = get_space("fbnet")
FILE = FbNetLatencies.file


def test_values_are_the_files(data_dir, tables):
    if not (data_dir / FILE).is_file():
        pytest.skip(f"{FILE} is not in NETWRIGHT_DATA")
    with gzip.open(data_dir / FILE, "rt") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[2:] == list(SPACE.devices) == list(FbNetLatencies.fields)
    codes = SPACE.parse_many(row["blocks"] for row in rows)
    for device in SPACE.devices:
        key = f"latency_ms@{device}"
        assert len(tables.architectures("fbnet", key)) == 5_000
        assert tables.values("fbnet", key, codes).tolist() == [float(row[device]) for row in rows]


def test_a_damaged_file_says_so():
    header, numbers = ",".join(["blocks", *SPACE.devices]), ",".join(["1"] * len(SPACE.devices))
    good = FbNetLatencies().convert(gzip.compress(f"{header}\n{SPACE.example},{numbers}".encode()))
    assert SPACE.format(good.codes) == [SPACE.example]
    with pytest.raises(TableDamaged, match=r"architecture 0.*block0 at position 0"):
        FbNetLatencies().convert(gzip.compress(f"{header}\nk7|{SPACE.example},{numbers}".encode()))
