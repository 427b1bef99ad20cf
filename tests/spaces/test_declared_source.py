"""The reader of declarations: hostile texts end soon and small, and lines are those of the fields."""

import tracemalloc

import pytest

from experiments.reliability.bodies import DECLARATIONS
from spaces.declared.source import DeclarationError, read_source
from spaces.declared.space import declare
from tests.support.bounded_time import processor_time

LINES = """\
name = "x"  # [no.header]
text = '''
[not.a.header]
no = "key"
'''
"quoted key".inner = 1
[costs]
params_m = { formula = "1" }
list = [
  "a", # = [
  [1, 2],
]
after = "]"
[[rules]]
require = "a"
[[rules]]
message = \"\"\"
require = 1
\"\"\"
require = "b"
"""


def refused(text):
    with pytest.raises(DeclarationError) as caught:
        declare(text)
    return caught.value.problems


@pytest.mark.parametrize("name", DECLARATIONS)
def test_a_hostile_text_is_refused_soon(name):
    text = DECLARATIONS[name](100_000)
    with processor_time():
        refused(text)


@pytest.mark.parametrize("name", DECLARATIONS)
def test_a_hostile_text_takes_little_memory(name):
    text = DECLARATIONS[name](100_000)
    tracemalloc.start()
    try:
        refused(text)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_lines_of_toml_are_those_of_keys_and_tables_and_never_of_what_strings_hold():
    source = read_source(LINES)
    lines = {
        ("name",): 1,
        ("text",): 2,
        ("not",): None,
        ("no",): None,
        ("quoted key", "inner"): 6,
        ("costs", "params_m", "formula"): 8,
        ("costs", "list", 1): 9,
        ("costs", "after"): 13,
        ("rules",): 14,
        ("rules", 0, "require"): 15,
        ("rules", 1): 16,
        ("rules", 1, "require"): 20,
        ("rules", 1, "unknown"): 16,
    }
    assert {path: source.line(path) for path in lines} == lines


def test_a_text_that_is_none_says_in_which_line():
    assert [(p.line, p.message) for p in refused('{"name": "x",\n"name" 1}')] == [
        (2, "no JSON: Expecting ':' delimiter in column 8")
    ]
    assert [(p.line, p.message) for p in refused('name = "x"\ncosts = [1,\n')] == [
        (3, "no TOML: Invalid value at the end")
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" + ".a" * 8 + " = 1", "a key of more than 8 parts"),
        ("x = " + "[" * 17 + "]" * 17, "nested too deeply: 16 levels at most"),
        ('{"x": ' + "[" * 16 + "]" * 16 + "}", "nested too deeply: 16 levels at most"),
        ("x = [" + "1," * 30_000 + "]", "more than 30,000 keys"),
        ('{"x": [' + "1," * 20_001 + "1]}", "more than 20,000 entries"),
        ('{"x": 1, "x": 2}', "'x' is given twice"),
    ],
)
def test_limits_are_said(text, said):
    (problem,) = refused(text)
    assert said in problem.message


def test_what_is_just_within_the_limits_is_read():
    assert read_source("a" + ".a" * 7 + " = 1.5").data
    assert read_source("x = " + "[" * 16 + "]" * 16).data
    observations = (
        "[[observations]]\narchitecture = 'layers=1|width=3'\naccuracy = 71.3\ntask = 'own'\n" * 5_000
    )
    assert len(read_source(observations).data["observations"]) == 5_000
