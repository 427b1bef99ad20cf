"""The real tables behind one object: what they answer, how they are cached, what happens to broken ones."""

import csv
import gzip
import logging
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import TableUnavailable
from benchmarks.restricted_unpickler import load
from benchmarks.table import all_tables
from benchmarks.tables import Tables
from spaces.known import get_space, space_names
from spaces.metric import METRICS

SPACES = space_names()
PACKAGED = [
    (table.space, column.key)
    for table in all_tables()
    if "package" in table.origin
    for column in table.columns
]
IN_DATA_DIR = [
    (table.space, column.key)
    for table in all_tables()
    if "file" in table.origin and table.space == "nasbench201"
    for column in table.columns
]


def raw(name: str) -> dict:
    """A packaged table's own dictionary."""
    return load(next(table for table in all_tables() if table.name == name).fetch(None))


# the catalogue
def test_the_catalogue_needs_no_file(tmp_path):
    tables = Tables(tmp_path / "cache", None)
    keys = [column.key for column in tables.columns("nasbench201")]
    assert {"accuracy@cifar10", "accuracy@cifar10-int8-ptq", "latency_ms@fpga"} <= set(keys)
    assert len(set(keys)) == len(keys)
    assert not (tmp_path / "cache").exists()
    assert tables.columns("no-such-space") == ()


@pytest.mark.parametrize("name", SPACES)
def test_the_catalogue_covers_the_space(name, tables):
    space = get_space(name)
    columns = {column.key: column for column in tables.columns(name)}
    assert {f"accuracy@{task}" for task in space.tasks if "accuracy" in space.metrics} <= set(columns)
    devices = {column.quantity.device for column in columns.values()} - {None}
    assert devices == set(space.devices)
    for column in columns.values():
        assert (column.quantity.task in (None, *space.tasks)) == (not column.extra), column.key
        assert (column.split is not None) == (column.quantity.metric == "accuracy")
        assert column.source and column.unit == METRICS[column.quantity.metric].unit
        assert tables.column(name, column.key) is column


@pytest.mark.parametrize("ask", [Tables.column, Tables.available, Tables.architectures])
def test_an_unknown_key_is_a_key_error(ask, tables):
    with pytest.raises(KeyError, match="no table of gnn has a column 'accuracy@cifar10'"):
        ask(tables, "gnn", "accuracy@cifar10")


# what they answer
@pytest.mark.parametrize(("space", "key"), PACKAGED)
def test_packaged_columns_are_available_and_finite(space, key, tables):
    assert tables.available(space, key) is None
    codes = tables.architectures(space, key)
    values = tables.values(space, key, codes)
    assert len(codes) == {"nasbench201": 15_625}.get(space, 2_021 if "proteins" in key else 26_206)
    assert np.isfinite(values).all() and (values > 0).all()
    if key.startswith("accuracy"):
        assert 20 < values.max() <= 100  # percent, not a share


@pytest.mark.parametrize(("space", "key"), IN_DATA_DIR)
def test_columns_of_the_data_directory(space, key, tables, data_dir):
    assert tables.available(space, key) is None
    assert len(tables.architectures(space, key)) == 15_625


@pytest.mark.parametrize("task", ["arxiv", "proteins", "cora"])
def test_gnn_values_are_the_table_s(task, tables):
    space = get_space("gnn")
    content = raw(f"nas-bench-graph-{task}")
    some = np.random.default_rng(0).choice(sorted(content), size=300)
    codes = np.array([[int(digit) for digit in f"{key:05d}"] for key in some], dtype=np.int8)
    assert [space.reason(row) for row in codes] == [None] * 300
    fields = {
        f"accuracy@{task}": ("perf", 100),
        f"accuracy@{task}-valid": ("valid_perf", 100),
        f"latency_ms@gpu@{task}": ("latency", 1000),
        f"params_m@{task}": ("para", 1),
    }
    for key, (field, scale) in fields.items():
        expected = [content[number][field] * scale for number in some.tolist()]
        assert tables.values("gnn", key, codes).tolist() == pytest.approx(expected, rel=1e-12)


def test_gnn_members_are_the_space_s(tables):
    space = get_space("gnn")
    every = space.enumerate()
    assert set(space.format(tables.architectures("gnn", "accuracy@arxiv"))) == set(space.format(every))
    allowed = every[space.allowed(every, "proteins")]
    assert set(space.format(tables.architectures("gnn", "accuracy@proteins"))) == set(space.format(allowed))


def test_official_values_are_the_file_s(tables, data_dir):
    space = get_space("nasbench201")
    with gzip.open(data_dir / "nasbench201_accuracy.csv.gz", "rt") as file:
        lines = list(csv.DictReader(file))[::50]
    codes = space.parse_many(line["arch"] for line in lines)
    for key, field in (
        ("accuracy@cifar10", "cifar10_test"),
        ("accuracy@cifar100", "cifar100_test"),
        ("accuracy@cifar10-valid-12ep", "cifar10_valid_12ep"),
    ):
        assert tables.values("nasbench201", key, codes).tolist() == [float(line[field]) for line in lines]


def test_unknown_architectures_are_nan(tables):
    space = get_space("gnn")
    codes = space.parse_many(["0|0|0|0:gat|gat|gat|gat", "0|0|0|0:gcn|gcn|gcn|gcn"])
    assert np.isnan(tables.values("gnn", "accuracy@proteins", codes)).tolist() == [True, False]


def test_order_and_repetition_do_not_matter(tables):
    key = "accuracy@cifar10-int8-ptq"
    codes = tables.architectures("nasbench201", key)
    values = tables.values("nasbench201", key, codes)
    pick = np.random.default_rng(1).integers(0, len(codes), 1000)
    assert (tables.values("nasbench201", key, codes[pick]) == values[pick]).all()
    assert tables.values("nasbench201", key, codes[:0]).shape == (0,)


def test_threads_share_one_object(tmp_path):
    tables = Tables(tmp_path)
    codes = get_space("gnn").parse_many(["0|0|0|0:gcn|gcn|gcn|gcn"])
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tables.values("gnn", "accuracy@proteins", codes)[0], range(32)))
    assert len(set(answers)) == 1


# absent and damaged files
def test_an_absent_data_directory_is_said(tmp_path):
    for data_dir in (None, tmp_path / "absent"):
        tables = Tables(tmp_path, data_dir)
        reason = tables.available("nasbench201", "latency_ms@fpga")
        assert reason is not None and "nasbench201_latency_ms.csv.gz" in reason
        with pytest.raises(TableUnavailable, match="nasbench201_latency_ms"):
            tables.architectures("nasbench201", "latency_ms@fpga")


def fake_package(folder: Path, distribution: str, version: str, path: str, content: bytes) -> None:
    """Installs a package of that name into a folder, as pip would."""
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (folder / path).parent.mkdir(parents=True)
    (folder / path).write_bytes(content)


PROTEINS = "nas_bench_graph/light/proteins.bench"


def test_a_replaced_packaged_file_is_refused(tmp_path, monkeypatch):
    canary = tmp_path / "canary"
    hostile = b"\x80\x02cposix\nsystem\nX" + len(str(canary) + "touch ").to_bytes(4, "little")
    hostile += f"touch {canary}".encode() + b"\x85R."
    fake_package(tmp_path / "site", "nas-bench-graph", "1.4.0", PROTEINS, hostile)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    tables = Tables(tmp_path / "cache")
    reason = tables.available("gnn", "accuracy@proteins")
    assert reason is not None and "SHA-256 differs" in reason and "1.4.0" in reason
    table = next(table for table in all_tables() if table.name == "nas-bench-graph-proteins")
    with pytest.raises(TableUnavailable, match=r"names posix\.system"):
        table.convert(hostile)
    assert not canary.exists()
    statuses = {status.name: status for status in tables.prepare()}
    assert statuses["nas-bench-graph-proteins"].unavailable == reason
    assert statuses["nas-bench-graph-cora"].unavailable is not None  # the replaced package has no such file
    assert statuses["analog-nasbench"].unavailable is None


def test_a_large_packaged_file_is_refused(tmp_path, monkeypatch):
    fake_package(tmp_path / "site", "nas-bench-graph", "1.4.0", PROTEINS, b"")
    with (tmp_path / "site" / PROTEINS).open("wb") as file:
        file.truncate(2**40)  # sparse: a terabyte that takes no room
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    reason = Tables(tmp_path / "cache").available("gnn", "accuracy@proteins")
    assert reason is not None and "bytes admitted" in reason


# the cache
def cached(tables: Tables, name: str) -> Path:
    """The one file of a table in the cache."""
    (path,) = (tables.cache_dir / "tables").glob(f"{name}-*.npz")
    return path


def test_status_and_prepare(tmp_path):
    tables = Tables(tmp_path)
    before = {status.name: status for status in tables.status()}
    assert before["analog-nasbench"].digest is not None
    assert not any(status.cached or status.rows for status in before.values())
    assert not list(tmp_path.iterdir())
    seen = []
    after = {status.name: status for status in tables.prepare(seen.append)}
    assert list(after.values()) == seen
    assert after["analog-nasbench"].cached and after["analog-nasbench"].rows == 15_625
    assert after["nas-bench-graph-proteins"].rows == 2_021
    reason = after["nasbench201-accuracy"].unavailable
    assert reason is not None and "NETWRIGHT_DATA" in reason
    again = Tables(tmp_path)
    assert again.status() == list(after.values())
    assert again.digest() == tables.digest()


def test_the_second_reader_takes_the_cache(tmp_path):
    first, second = Tables(tmp_path), Tables(tmp_path)
    codes = first.architectures("gnn", "accuracy@proteins")
    written = cached(first, "nas-bench-graph-proteins").stat().st_mtime_ns
    assert (second.architectures("gnn", "accuracy@proteins") == codes).all()
    assert cached(first, "nas-bench-graph-proteins").stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "garbage", "array", "pickle"])
def test_a_damaged_cache_is_rebuilt(damage, tmp_path):
    codes = (tables := Tables(tmp_path)).architectures("gnn", "accuracy@proteins")
    values = tables.values("gnn", "accuracy@proteins", codes)
    path = cached(tables, "nas-bench-graph-proteins")
    good = path.read_bytes()
    if damage == "array":
        with path.open("wb") as file:
            np.save(file, values)
    elif damage == "pickle":
        np.savez(path, codes=np.array([object], dtype=object), values=np.array([object], dtype=object))
    else:
        middle = len(good) // 2
        flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
        path.write_bytes(
            {"cut": good[:-100], "flipped": flipped, "empty": b"", "garbage": b"x" * 999}[damage]
        )
    again = Tables(tmp_path)
    assert (again.values("gnn", "accuracy@proteins", codes) == values).all()
    assert Tables(tmp_path).status() == tables.status()
    assert {status.rows for status in tables.status() if "proteins" in status.name} == {2_021}


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        codes = Tables(tmp_path / "file").architectures("gnn", "accuracy@proteins")
    assert len(codes) == 2_021
    assert "is not cached" in caplog.text


READER = """
    import sys
    from pathlib import Path
    from benchmarks.tables import Tables
    tables = Tables(Path(sys.argv[1]))
    print(*(len(tables.architectures("gnn", f"accuracy@{task}")) for task in ("proteins", "cora")))
    known = ("torch", "pandas", "pickle5", "nas_bench_graph", "analognasbench", "pkg_resources")
    print([name for name in known if name in sys.modules])
"""


def test_processes_that_convert_at_once(tmp_path):
    """Four start together; none of them imports a table package's code, torch or pandas."""
    command = [sys.executable, "-c", textwrap.dedent(READER), str(tmp_path)]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [reader.communicate()[0] for reader in readers] == ["2021 26206\n[]\n"] * 4
    assert sorted(path.suffix for path in (tmp_path / "tables").iterdir()) == [".npz", ".npz"]


def test_the_digest_follows_the_data_directory(tmp_path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    digests = {Tables(tmp_path, data_dir).digest()}
    for content in (b"a", b"b"):
        (data_dir / "nasbench201_accuracy.csv.gz").write_bytes(content)
        digests.add(Tables(tmp_path, data_dir).digest())
    assert len(digests) == 3
