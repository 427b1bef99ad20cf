"""The reader of request bodies by itself: what it refuses, and with which path."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.problems import Problem
from service.strict_json import read_json


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
