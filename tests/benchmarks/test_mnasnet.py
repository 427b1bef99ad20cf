"""The MnasNet table: what it answers, how the authors' split is kept, what is refused."""

import csv
import gzip

import numpy as np
import pytest

from benchmarks.errors import TableDamaged
from benchmarks.mnasnet_csv import MnasNetTable, in_split
from benchmarks.tables import Tables
from spaces.known import get_space

SPACE = get_space("mnasnet")
FILE = MnasNetTable.file
FIELDS = {
    "accuracy@imagenet": "imagenet_top1",
    "latency_ms@zcu102": "latency_zcu102",
    "throughput_ips@3090": "throughput_3090",
    "throughput_ips@a100": "throughput_a100",
    "throughput_ips@tpuv2": "throughput_tpuv2",
    "throughput_ips@zcu102": "throughput_zcu102",
    "params_m": "params_m",
    "table_macs_m": "macs_m",
    "train_seconds": "train_seconds",
}


@pytest.fixture(scope="module")
def lines(data_dir):
    """The file's own lines by architecture."""
    if not (data_dir / FILE).is_file():
        pytest.skip(f"{FILE} is not in NETWRIGHT_DATA")
    with gzip.open(data_dir / FILE, "rt") as file:
        rows = list(csv.DictReader(file))
    names = SPACE.format(
        SPACE.parse_many({v.name: int(row[v.name]) for v in SPACE.variables} for row in rows)
    )
    found = {}
    for name, row in zip(names, rows, strict=True):
        found.setdefault(name, []).append(row)
    return found


# the real table
@pytest.mark.parametrize(("key", "field"), FIELDS.items())
def test_values_are_the_files(key, field, lines, tables):
    names = list(lines)
    values = tables.values("mnasnet", key, SPACE.parse_many(names))
    for name, value in zip(names, values, strict=True):
        written = [float(row[field]) for row in lines[name] if row[field]]
        if not written:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(np.mean(written), rel=1e-12)
    missing = {"latency_ms@zcu102": 2, "throughput_ips@zcu102": 2, "throughput_ips@3090": 3}
    missing["throughput_ips@tpuv2"] = 36
    assert len(tables.architectures("mnasnet", key)) == 4_616 - missing.get(key, 0)


def test_the_split_is_the_authors(lines, tables):
    names = list(lines)
    codes = SPACE.parse_many(names)
    train, valid = (in_split(tables, codes, split) for split in ("train", "valid"))
    splits = [{row["split"] for row in lines[name]} for name in names]
    assert train.tolist() == ["train" in each for each in splits]
    assert valid.tolist() == [each == {"valid"} for each in splits]
    assert (train.sum(), valid.sum()) == (4_105, 511)
    strangers = SPACE.sample(10, np.random.default_rng(0))
    assert not in_split(tables, strangers, "train").any() and not in_split(tables, strangers, "valid").any()


def test_a_split_holds_only_its_own_trainings(lines, tables):
    (both,) = (name for name, rows in lines.items() if len({row["split"] for row in rows}) == 2)
    measured = {row["split"]: float(row["imagenet_top1"]) for row in lines[both]}
    for split, expected in measured.items():
        key = f"accuracy@imagenet-split-{split}"
        assert tables.values("mnasnet", key, SPACE.parse_many([both])).tolist() == [expected]


def test_exact_costs_are_the_tables(lines, tables):
    codes = tables.architectures("mnasnet", "params_m")
    assert SPACE.statistics(codes)["params_m"] == pytest.approx(
        tables.values("mnasnet", "params_m", codes), abs=1e-9
    )
    assert SPACE.table_macs_m(codes) == pytest.approx(
        tables.values("mnasnet", "table_macs_m", codes), abs=1e-6
    )


# made-up files
VARIABLES = [variable.name for variable in SPACE.variables]
VALUES = [*FIELDS.values()]


def packed(*rows):
    """A file of rows (split, entries of the variables, entries of the values)."""
    lines = [",".join(["split", *VARIABLES, *VALUES])]
    lines += [",".join([split, *entries, *values]) for split, entries, values in rows]
    return gzip.compress("\n".join(lines).encode())


SMALL, LARGE = ["1", "3", "1", "0"] * 7, ["6", "5", "3", "1"] * 7
ONES = ["1"] * len(VALUES)


def test_missing_repeated_and_split_values(tmp_path):
    rows = [
        ("train", SMALL, ["50", "", *ONES[2:]]),
        ("valid", SMALL, ["60", "3", *ONES[2:]]),
        ("valid", LARGE, ["70", "", *ONES[2:]]),
    ]
    (tmp_path / FILE).write_bytes(packed(*rows))
    tables = Tables(tmp_path / "cache", tmp_path)
    codes = SPACE.parse_many(["|".join(["e1_k3_l1"] * 7), "|".join(["e6_k5_l3_se"] * 7)])
    nan = float("nan")
    for key, expected in (
        ("accuracy@imagenet", [55, 70]),
        ("accuracy@imagenet-split-train", [50, nan]),
        ("accuracy@imagenet-split-valid", [60, 70]),
        ("latency_ms@zcu102", [3, nan]),
    ):
        np.testing.assert_array_equal(tables.values("mnasnet", key, codes), expected)
    assert in_split(tables, codes, "train").tolist() == [True, False]
    assert in_split(tables, codes, "valid").tolist() == [False, True]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("test", SMALL, ONES), "'test' is no split"),
        (("train", ["2", *SMALL[1:]], ONES), "block0_e.*'2' is no choice"),
        (("train", [*SMALL[:2], "4", *SMALL[3:]], ONES), "block0_l.*'4' is no choice"),
        (("train", ["", *SMALL[1:]], ONES), "block0_e"),
        (("train", SMALL, ["high", *ONES[1:]]), "imagenet_top1"),
        (("train", SMALL, ["inf", *ONES[1:]]), "infinite"),
    ],
)
def test_a_damaged_file_says_so(row, message):
    with pytest.raises(TableDamaged, match=message):
        MnasNetTable().convert(packed(row))


def test_a_missing_column_is_named():
    with pytest.raises(TableDamaged, match="'split'"):
        MnasNetTable().convert(gzip.compress(b"id\n1"))
