"""Converted tables on disk: all or nothing, whatever happens to the file."""

import os
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import cache
from benchmarks.table import Rows

ROWS = Rows(np.arange(12, dtype=np.int8).reshape(4, 3), np.linspace(0, 1, 8).reshape(2, 4))


def same(rows: Rows | None) -> bool:
    return (
        rows is not None
        and np.array_equal(rows.codes, ROWS.codes)
        and np.array_equal(rows.values, ROWS.values)
    )


def test_what_is_stored_comes_back(tmp_path):
    path = tmp_path / "new" / "table.npz"
    assert cache.load(path, 2, 3) is None
    cache.store(path, ROWS)
    assert same(cache.load(path, 2, 3))
    assert [entry.name for entry in path.parent.iterdir()] == ["table.npz"]


def test_another_shape_is_not_taken(tmp_path):
    cache.store(tmp_path / "table.npz", ROWS)
    assert cache.load(tmp_path / "table.npz", 1, 3) is None
    assert cache.load(tmp_path / "table.npz", 2, 4) is None


@given(st.data())
def test_a_changed_or_cut_file_never_gives_other_numbers(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "changed.npz"
    cache.store(path, ROWS)
    good = path.read_bytes()
    place = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(data.draw(st.sampled_from([bytes(changed), good[:place]])))
    rows = cache.load(path, 2, 3)
    assert rows is None or same(rows)


def test_what_a_killed_writer_left_is_swept(tmp_path):
    old, young = tmp_path / "table-a.tmp", tmp_path / "table-b.tmp"
    old.touch()
    young.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    cache.store(tmp_path / "table.npz", ROWS)
    assert not old.exists() and young.exists()
