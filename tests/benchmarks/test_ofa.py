"""Once-for-All's latencies: what the table answers and refuses."""

import csv
import gzip

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.errors import TableDamaged
from benchmarks.ofa_csv import OfaLatencies
from spaces.known import get_space

SPACE = get_space("ofa_mobilenetv3")
FILE = OfaLatencies.file
LINE = "|".join(["3"] * 20), "|".join(["6"] * 20), "2|2|3|4|2", "132"


@pytest.fixture(scope="module")
def rows(data_dir):
    if not (data_dir / FILE).is_file():
        pytest.skip(f"{FILE} is not in NETWRIGHT_DATA")
    with gzip.open(data_dir / FILE, "rt") as file:
        return list(csv.DictReader(file))


def codes_of(rows):
    fields = [[[int(part) for part in row[name].split("|")] for name in ("ks", "e", "d")] for row in rows]
    codes = [SPACE.from_settings(*field, int(row["r"])) for field, row in zip(fields, rows, strict=True)]
    return np.stack(codes)


def test_values_are_the_files(rows, tables):
    assert list(rows[0])[5:] == list(SPACE.devices) == list(OfaLatencies.fields)
    codes = SPACE.parse_many(SPACE.format(codes_of(rows)))
    for device in SPACE.devices:
        key = f"latency_ms@{device}"
        assert len(tables.architectures(SPACE.name, key)) == 5_000
        assert tables.values(SPACE.name, key, codes).tolist() == [float(row[device]) for row in rows]


def test_large_batches_take_as_long_as_the_multiply_accumulates_say(rows):
    """So the file's resolution, depths and unused layers are read as they were meant."""
    codes = SPACE.parse_many(SPACE.format(codes_of(rows)))
    macs = SPACE.statistics(codes)["macs_m"]
    assert spearmanr(macs, [float(row["titan_xp_64"]) for row in rows]).statistic > 0.9


def file_of(*fields):
    header = ",".join(["ks", "e", "d", "r", *SPACE.devices])
    return gzip.compress(f"{header}\n{','.join([*fields, *['1'] * len(SPACE.devices)])}\n".encode())


def test_a_damaged_file_says_so():
    good = OfaLatencies().convert(file_of(*LINE))
    assert SPACE.format(good.codes)[0].startswith("r132|k3_e6|k3_e6|skip|skip|k3_e6|k3_e6|skip")
    for bad in [(*LINE[:3], "133"), (*LINE[:2], "2|2|3|4", "132"), ("3|x", *LINE[1:]), ("3|3", *LINE[1:])]:
        with pytest.raises(TableDamaged, match=FILE):
            OfaLatencies().convert(file_of(*bad))
