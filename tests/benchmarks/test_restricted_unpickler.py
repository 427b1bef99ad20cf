"""The unpickler itself, without the digest that guards it: plain data comes back, nothing ever runs."""

import io
import os
import pickle
import struct
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.errors import TableDamaged
from benchmarks.restricted_unpickler import Limits, Record, load

KEYS = st.one_of(st.text(), st.integers(-(2**63), 2**63), st.tuples(st.integers(), st.text()))
PLAIN = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False),
        st.text(),
        st.binary(),
    ),
    lambda inner: st.one_of(
        st.lists(inner), st.dictionaries(KEYS, inner), st.tuples(inner), st.tuples(inner, inner, inner, inner)
    ),
    max_leaves=20,
)


@given(PLAIN, st.integers(3, 5))
def test_plain_data_comes_back_as_it_was(value, protocol):
    assert load(pickle.dumps(value, protocol)) == value


def test_shared_values_are_read_through_the_memo():
    shared = [1.5]
    value = load(pickle.dumps({"a": shared, "b": shared}, 4))
    assert value["a"] is value["b"]


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i8", "<i4", "?"])
@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_numpy_scalars_become_python_numbers(dtype, protocol):
    scalar = np.array([1.25]).astype(dtype)[0]
    value = load(pickle.dumps({"x": scalar}, protocol))["x"]
    assert type(value) in (float, int, bool)
    assert value == scalar


def test_record_classes_become_inert_records():
    text = b"\x80\x02canalognasbench.data\nArchitecture\n)\x81}X\x01\x00\x00\x00aK\x07sb."
    assert load(text) == Record("Architecture", {"a": 7})


# Each writes the canary when a standard unpickler reads it (the first test below shows that it would).
class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touch(canary: Path) -> str:
    return f"touch '{canary}'"


def stack_global(module: str, name: str, argument: str) -> bytes:
    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def writing(canary: Path) -> dict[str, bytes]:
    """Pickles that write the canary under the standard unpickler."""
    opened = f"open({str(canary)!r}, 'w').close()"
    return {
        "reduce os.system": pickle.dumps(Call(os.system, touch(canary)), 4),
        "reduce os.system, protocol 0": pickle.dumps(Call(os.system, touch(canary)), 0),
        "reduce subprocess": pickle.dumps(Call(subprocess.check_call, ["touch", str(canary)]), 4),
        "stack_global builtins.eval": stack_global("builtins", "eval", opened),
        "stack_global builtins.exec": stack_global("builtins", "exec", opened),
        "nested in a dictionary": pickle.dumps(
            {(0, 0, 0, 0, 0, 0): {"perf": Call(os.system, touch(canary))}}, 4
        ),
        "as a dictionary's key": pickle.dumps([{"k": [Call(os.system, touch(canary))]}], 2),
        "instance": b"(S'" + touch(canary).replace("'", '"').encode() + b"'\nios\nsystem\n.",
        "object": b"(cos\nsystem\nX" + struct.pack("<I", len(touch(canary))) + touch(canary).encode() + b"o.",
        "pathlib": pickle.dumps(Call(Path.touch, canary), 4),
        "getattr chain": pickle.dumps(Call(getattr(os, "system"), touch(canary)), 2),  # noqa: B009
    }


NAMES = sorted(writing(Path("/tmp/canary")))


@pytest.mark.parametrize("name", NAMES)
def test_the_canary_would_be_written_by_the_standard_unpickler(name, tmp_path):
    canary = tmp_path / "canary"
    pickle.loads(writing(canary)[name])  # noqa: S301  (what the next test must prevent)
    assert canary.exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_pickle_runs_nothing(name, tmp_path):
    canary = tmp_path / "canary"
    with pytest.raises(TableDamaged):
        load(writing(canary)[name])
    assert not canary.exists()


def scalar_of(dtype: bytes, raw: bytes) -> bytes:
    code = b"X" + struct.pack("<I", len(dtype)) + dtype
    text = b"\x80\x03cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n" + code + b"\x89\x88\x87R"
    return text + b"C" + bytes([len(raw)]) + raw + b"\x86R."


OTHER_TRICKS = {
    "numpy object type": scalar_of(b"O8", b"\0" * 8),
    "numpy type too wide": scalar_of(b"V99999999", b""),
    "numpy scalar of the wrong size": scalar_of(b"f8", b"\0" * 4),
    "numpy array": pickle.dumps(np.array([1.0]), 4),
    "numpy runstring": stack_global("numpy.testing._private.utils", "runstring", "1"),
    "numpy load": stack_global("numpy", "load", "/etc/hostname"),
    "numpy sub-name": stack_global("numpy", "dtype.__new__.__class__", "x"),
    "numpy scalar called with an object": b"\x80\x03cnumpy.core.multiarray\nscalar\nK\x01\x85R.",
    "record's inside": stack_global("analognasbench.data", "Architecture.__init__.__globals__", "x"),
    "record called": b"\x80\x02canalognasbench.data\nArchitecture\nK\x01\x85R.",
    "record made with arguments": b"\x80\x02canalognasbench.data\nArchitecture\nK\x01\x85\x81.",
    "record's state no dictionary": b"\x80\x02canalognasbench.data\nArchitecture\n)\x81K\x01b.",
    "record's state with odd names": b"\x80\x02canalognasbench.data\nArchitecture\n)\x81}K\x01K\x02sb.",
    "attributes of a list": b"\x80\x02]}b.",
    "name of numbers": b"\x80\x04K\x01K\x02\x93.",
    "extension registry": b"\x80\x02\x82\x01.",
    "persistent id": b"\x80\x02K\x01Q.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "keyword object": b"\x80\x04)}\x92.",
    "set": pickle.dumps({1, 2}, 4),
    "key that is slow to hash": pickle.dumps({((1, 2), 3): 1}, 4),
    "key that is bytes": pickle.dumps({b"a": 1}, 4),
    "odd number of items": b"\x80\x02}(K\x01u.",
    "items of a list": b"\x80\x02](K\x01K\x02u.",
    "append to a dictionary": b"\x80\x02}K\x01a.",
    "memo never written": b"\x80\x02h\x05.",
    "stack empty": b"\x80\x02.",
    "pop of nothing": b"\x80\x02\x86.",
    "mark missing": b"\x80\x02t.",
    "values left over": b"\x80\x02K\x01K\x02.",
    "mark left over": b"\x80\x02(K\x01.",
    "no utf-8": b"\x80\x02X\x01\x00\x00\x00\xff.",
    "protocol 9": b"\x80\x09N.",
    "name without end": b"\x80\x02c" + b"a" * 1000,
    "empty": b"",
    "text file": b"hello, world",
    "gzip": b"\x1f\x8b\x08\x00",
}


@pytest.mark.parametrize("name", OTHER_TRICKS)
def test_what_is_not_plain_data_is_damaged(name):
    with pytest.raises(TableDamaged):
        load(OTHER_TRICKS[name])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_cut_is_noticed(protocol):
    whole = pickle.dumps({(0, 1): {"a": 0.5, "b": [1, 2, None, True]}, "c": b"xyz"}, protocol)
    for length in range(len(whole)):
        with pytest.raises(TableDamaged):
            load(whole[:length])


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_else(data):
    try:
        load(b"\x80\x04" + data)
    except TableDamaged:
        return


@given(st.data())
def test_a_changed_byte_raises_nothing_else(data):
    whole = bytearray(pickle.dumps({(0, 1): {"a": np.float64(0.5), "b": [1, None, True]}, "c": "xyz"}, 4))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        load(bytes(whole))
    except TableDamaged:
        return


def peak_megabytes(data: bytes) -> float:
    """Most memory that refusing the file took."""
    tracemalloc.start()
    try:
        with pytest.raises(TableDamaged):
            load(data)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


BOMBS = {
    "memo index of four billion": b"\x80\x02Nr\xff\xff\xff\xff0.",
    "text of four gigabytes": b"\x80\x02X\xff\xff\xff\xffa.",
    "text of 2**63 bytes": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fa.",
    "bytes of 2**63 bytes": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fa.",
    "bytearray of 2**63 bytes": b"\x80\x05\x96" + b"\xff" * 7 + b"\x7fa.",
    "number of four gigabytes": b"\x80\x02\x8b\xff\xff\xff\x7fa.",
    "duplicated a thousand times": b"\x80\x02]" + b"2" * 1000 + b".",
    # x → (x, x) → ((x, x), (x, x)) …: 2**60 leaves for whoever walks or hashes it
    "doubling as a key": b"\x80\x02}K\x01" + b"q\x00h\x00\x86" * 60 + b"K\x01s.",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_little_memory(name):
    assert peak_megabytes(BOMBS[name]) < 1


def test_the_number_of_instructions_is_bounded():
    many = b"\x80\x02(" + b"N" * 50_000 + b"t."
    assert load(many) == (None,) * 50_000
    with pytest.raises(TableDamaged, match="more than the 10000 instructions"):
        load(many, Limits(instructions=10_000))


def test_the_size_is_bounded():
    with pytest.raises(TableDamaged, match="more than the 1000"):
        load(b"\x80\x02" + b"N" * 2_000, Limits(size=1_000))


def test_deep_nesting_is_harmless():
    depth = 100_000
    assert isinstance(load(b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."), list)
    assert isinstance(load(b"\x80\x02N" + b"\x85" * depth + b"."), tuple)


def test_messages_name_what_was_refused():
    with pytest.raises(TableDamaged, match=r"names posix\.system, .*\(byte \d+\)"):
        load(pickle.dumps(Call(os.system, "true"), 2))
    with pytest.raises(TableDamaged, match="instruction 0x51"):
        load(OTHER_TRICKS["persistent id"])


def test_the_packaged_files_read_like_the_standard_unpickler_reads_them(tmp_path):
    """Only here, on files whose digest is known, the standard unpickler is the yardstick."""
    from benchmarks.table import all_tables

    class Standard(pickle.Unpickler):
        def find_class(self, module, name):
            if module.startswith("numpy"):
                return getattr(np, name, None) or np._core.multiarray.scalar
            return type(name, (), {})

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        if type(value).__name__ in ("Architecture", "DriftMeasurement"):
            return Record(type(value).__name__, plain(vars(value)))
        return value

    for name in ("nas-bench-graph-proteins", "analog-nasbench"):
        table = next(table for table in all_tables() if table.name == name)
        data = table.fetch(None)
        assert load(data) == plain(Standard(io.BytesIO(data)).load())
