"""The reader of request bodies by itself: what it refuses, and with which path."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.reliability.bodies import JSON_BODIES
from service.http.problems import Problem
from service.http.strict_json import LIMITS, read_json
from tests.support.bounded_time import processor_time


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"a": [1, {"b": NaN}]}', ["a[1].b"]),
        ('{"a": -Infinity, "b": {"c": Infinity}}', ["a", "b.c"]),
        ("[1e999, -1e400, 1]", ["[0]", "[1]"]),
        ('{"a": -0, "b": -0.0, "c": -0e5}', ["a", "b", "c"]),
        ('{"a": 1' + "0" * 300 + "}", ["a"]),
        ('{"a": "\\ud800", "b": "\\u0000"}', ["a", "b"]),
        ('{"a": {"\\udfff": 1}}', ["a"]),
        ("NaN", ["body"]),
    ],
)
def test_what_no_field_can_hold_is_named_by_its_path(body, fields):
    with pytest.raises(Problem) as refused:
        read_json(body.encode())
    assert refused.value.status_code == 422
    assert [error.field for error in refused.value.errors] == fields


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
)


@pytest.mark.parametrize("nested", ["[" * 65 + "]" * 65, '{"a":' * 800 + "1" + "}" * 800, "[" * 10**6])
def test_deep_nesting_is_refused_before_anything_recurses_into_it(nested):
    with pytest.raises(Problem) as refused:
        read_json(nested.encode())
    assert (refused.value.status_code, refused.value.kind) == (400, "bad-json")
    assert "nested too deeply" in refused.value.detail
    assert read_json(b"[" * 64 + b"]" * 64)


def test_an_object_of_too_many_names_is_refused_before_a_schema_tells_each():
    body = json.dumps({"a": [{f"n{number}": 0 for number in range(1001)}]})
    with pytest.raises(Problem, match="1,000 names") as refused:
        read_json(body.encode())
    assert refused.value.status_code == 400
    assert len(read_json(json.dumps({f"n{number}": 0 for number in range(1000)}).encode())) == 1000


@given(JSON)
def test_all_other_json_is_read_as_it_is(value):
    text = json.dumps(value)
    if "-0.0" in text:
        return
    assert read_json(text.encode()) == json.loads(text)


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(body):
    try:
        read_json(body)
    except Problem as refused:
        assert refused.status_code in (400, 422)


@pytest.mark.parametrize("name", JSON_BODIES)
def test_a_hostile_body_takes_little_time_and_memory(name):
    body = JSON_BODIES[name](4 * 2**20).encode()
    tracemalloc.start()
    try:
        with processor_time(20):
            read_json(body)
    except Problem as refused:
        assert refused.status_code in (400, 413, 422)
        assert len(refused.errors) <= 50
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 200e6


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[" + "1," * LIMITS.entries + "1,1]", "more than 200,000 entries of lists"),
        ('{"a":[' + "[]," * LIMITS.lists + "[]]}", "more than 50,000 lists"),
        ("[" + "{}," * LIMITS.objects + "{}]", "more than 200,000 objects"),
        ('["' + "\\n" * (LIMITS.string_bytes // 2 + 1) + '"]', "a string of more than 4,194,304 bytes"),
        ("[" + ('{"a":1' + ',"a":1' * 999 + "},") * 2001 + "1]", "more than 2,000,000 names"),
    ],
)
def test_what_is_too_much_for_one_body_is_said(body, said):
    with pytest.raises(Problem) as refused:
        read_json(body.encode())
    assert refused.value.status_code == 413
    assert said in refused.value.detail and "split it" in refused.value.detail


def test_signs_in_strings_are_no_structure():
    text = '[{,:"' + "\\" * 5
    value = {"a": [text * 1000, {text: [text] * 1000}]}
    assert read_json(json.dumps(value).encode()) == value


@given(st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", ",", ":", "a", "1", " "]), max_size=40))
def test_the_structure_of_any_text_is_counted_as_a_parser_reads_it(signs):
    text = "[" + "".join(signs) + "]" * 70
    nested = "[" * 70 + "]" * 70
    try:
        read_json(f'[{json.dumps(text)}, "", {nested}]'.encode())
    except Problem as refused:
        assert "nested too deeply" in refused.detail
    else:
        raise AssertionError("read what is nested too deeply")
    assert read_json(json.dumps([text] * 70).encode()) == [text] * 70


def test_the_first_refused_numbers_are_named_and_millions_more_are_not_kept():
    with pytest.raises(Problem) as refused:
        read_json(b'{"b":[' + b"1e999," * 100_000 + b'NaN],"a":-0}')
    assert [error.field for error in refused.value.errors] == sorted(f"b[{index}]" for index in range(50))
    assert "1e999 is not a number" in refused.value.errors[0].message


def test_text_that_is_none_is_found_wherever_it_stands():
    body = '{"a": "' + " " * (2**20 - 9) + '\\u0000"}'
    with pytest.raises(Problem) as refused:
        read_json(body.encode())
    assert [error.field for error in refused.value.errors] == ["a"]
