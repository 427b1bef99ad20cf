"""Spaces from declarations: two of them pass the suite; what is wrong with others is said, with its line."""

import gc
import json
import math
import re
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spaces.cached import cached_by_space
from spaces.declared import space as declared
from spaces.declared.declaration import declaration_text
from spaces.declared.formulas import MAX_COST_WORK, MAX_RULE_WORK
from spaces.declared.reader import MAX_ENTRIES, MAX_RULES, MAX_VARIABLES
from spaces.declared.source import DeclarationError
from spaces.declared.space import declare
from spaces.expression.check import MAX_WORK
from spaces.expression.evaluate import Formula
from spaces.known import forget_space, get_space
from spaces.space import InvalidArchitecture
from spaces.testing import conformance

EXAMPLE = (Path(__file__).parents[2] / "examples" / "transformer_encoder.toml").read_text(encoding="utf-8")
BRANCHES = """
name = "branches"
[variables]
kind = ["sum", "mix"]
wide = [true, false]
rate = [0.1, 0.5]
branch = { choices = ["conv", "pool", "skip"], repeat = 3, active = "kind == 'mix' or i < 3" }
[[rules]]
require = "sum(i in 1..2, branch[i] == 'skip') < 2"
message = "two skips"
[costs]
cost_area = { formula = "match(kind, 'sum': 2, else: 3) * rate + if(wide, 1, 0)", unit = "mm2" }
[graph]
edges = ["input -> wide -> branch[*] -> kind -> rate -> output", "wide -> rate"]
"""

TestTransformerEncoder = conformance(declare(EXAMPLE).name)
TestBranches = conformance(declare(BRANCHES).name)


@pytest.mark.parametrize("seed", range(3))
def test_the_examples_parameters_are_those_of_torch(seed):
    space = declare(EXAMPLE)
    codes = space.sample(1, np.random.default_rng(seed))
    chosen = space.to_variables(codes[0])
    width = chosen["width"]
    layer = nn.TransformerEncoderLayer(width, chosen["heads"], chosen["ratio"] * width, batch_first=True)
    encoder = nn.TransformerEncoder(layer, chosen["layers"], enable_nested_tensor=False)
    counted = sum(parameter.numel() for parameter in encoder.parameters())
    assert round(1e6 * space.statistics(codes)["params_m"][0]) == counted


def test_counts_are_those_of_a_list_of_all_combinations():
    space = declare(BRANCHES)
    everyone = np.array(list(np.ndindex(2, 2, 2, 3, 3, 3)), dtype=np.int8)
    absent = everyone[:, 0] == 0  # kind = sum leaves out the third branch
    everyone[absent, 5] = 3
    two_skips = (everyone[:, 3] == 2) & (everyone[:, 4] == 2)
    expected = np.unique(everyone[~two_skips], axis=0)
    assert space.counted and space.size == len(expected)
    assert np.array_equal(np.unique(space.enumerate(), axis=0), expected)


def test_rules_over_too_many_combinations_are_drawn_and_said_to_be_estimated():
    text = """
    name = "wide"
    variables = { kind = { choices = ["a", "b", "c"], repeat = 14 } }
    rules = ["sum(i in 1..14, kind[i] == 'a') <= 5"]
    """
    space = declare(text)
    exact = sum(math.comb(14, k) * 2 ** (14 - k) for k in range(6))
    assert not space.counted and abs(space.size / exact - 1) < 0.05
    drawn = space.sample(500, np.random.default_rng(0))
    assert ((drawn == 0).sum(axis=1) <= 5).all()
    with pytest.raises(DeclarationError, match="admit 0"):
        declare(text.replace("<= 5", "<= 0"))


def test_a_batch_is_checked_together_and_the_first_bad_rows_are_told(monkeypatch):
    space = declare(EXAMPLE)
    codes = space.sample(300, np.random.default_rng(0))
    mixed = [*space.format(codes[:150]), *map(space.to_variables, codes[150:])]
    calls = []
    computed = Formula.__call__
    monkeypatch.setattr(Formula, "__call__", lambda self, rows: (calls.append(1), computed(self, rows))[1])
    assert np.array_equal(space.parse_many(mixed), codes)
    assert len(calls) <= 20  # a few formulas, not as many a row
    unruly = space.example.split("|")
    unruly[1:3] = "width=128", "heads=8"
    mixed[7], mixed[200] = "|".join(unruly), {"layers": 2}
    _, faults = space.read_many(mixed, 5)
    assert [index for index, _ in faults] == [7, 200]
    assert "heads must divide the width" in faults[0][1].message and "missing" in faults[1][1].message
    with pytest.raises(InvalidArchitecture, match="architecture 7: heads"):
        space.parse_many(mixed)


def test_declared_again_is_the_same_space_and_other_content_is_another():
    space = declare(EXAMPLE)
    assert declare(json.loads(declaration_text(space.declaration))) is space
    other = declare(EXAMPLE.replace("window = 64", "window = 32"))
    assert other.name != space.name and other.public_name == space.public_name


@pytest.mark.parametrize(
    "old, new, line, said",
    [
        ("[2, 3, 4, 6, 8]", "[2]", 11, "at least two choices"),
        ("[2, 3, 4, 6, 8]", "[2, 'x', 4, 6, 8]", 11, "mixes"),
        ("width % heads", "width % (heads - 2)", 17, "division by zero"),
        ("width % heads", "width + heads ==", 18, "a value is due"),
        ("4*width*(width + 1)", "10**10**10", 26, "exponent beyond 64"),
        ("4*width*(width + 1)", "(width**64)", 26, "2**53"),
        ("4*width*(width + 1)", "attention[8] * 2", 26, "a text, where a number is due"),
        ("'linear': width // heads", "'linaer': 3", 27, "'linaer' is no choice of attention"),
        ("repeat = 8", "repeat = 9", 15, "attention9 is never present"),
        ("i <= layers", "i <= heads and attention[1] == 'full'", 15, "'attention' is not known"),
        ("[costs]", "[graph]\nedges = ['input -> layers -> output']\n[costs]", 26, "nothing leads to width"),
        ("[costs]", "[graph]\nedges = ['input -> nowhere']\n[costs]", 26, "'nowhere' is no node"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old, new, line, said):
    assert old in EXAMPLE
    with pytest.raises(DeclarationError) as caught:
        declare(EXAMPLE.replace(old, new, 1))
    assert said in str(caught.value)
    assert line in [problem.line for problem in caught.value.problems]


def test_lines_of_json_are_found():
    text = json.dumps(declare(BRANCHES).declaration.to_dict(), indent=1).replace("* rate", "* rte")
    with pytest.raises(DeclarationError) as caught:
        declare(text)
    (problem,) = caught.value.problems
    assert "rte" in text.splitlines()[problem.line - 1] or "cost_area" in text.splitlines()[problem.line - 1]


def test_a_cycle_among_edges_is_named():
    edges = 'edges = ["input -> wide -> branch -> kind -> wide", "kind -> rate -> output"]'
    with pytest.raises(DeclarationError, match="cycle among"):
        declare(re.sub(r"edges = .*", edges, BRANCHES))


_NAMES = st.sampled_from(["a", "b", "x[1]", "x[i]", "i", "'u'", "2", "0", "7.5", "10**10", "x[9]", "true"])
_EXPRESSIONS = st.recursive(
    _NAMES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", "==", "and"]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        inner.map(lambda part: f"sum(i in 1..{part}, {part})"),
        inner.map(lambda part: f"if({part} > 1, {part}, -{part})"),
        inner.map(lambda part: f"max(sqrt({part}), match(x[2], 'u': {part}, else: 1))"),
    ),
    max_leaves=20,
)
_fuzz = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@_fuzz
@given(_EXPRESSIONS | st.text(max_size=40), _EXPRESSIONS, _EXPRESSIONS)
def test_any_expressions_make_a_space_or_a_stated_error(cost, rule, active):
    data = {
        "name": "any",
        "variables": {
            "a": [1, 2, 3],
            "b": [0.5, 2.0],
            "x": {"choices": ["u", "v"], "repeat": 3, "active": active},
        },
        "rules": [rule],
        "costs": {"cost_any": cost},
    }
    _declares_or_says_why(data)
    _declares_or_says_why({**data, "rules": [], "variables": {**data["variables"], "x": ["u", "v"]}})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_KEYS = ["name", "title", "tasks", "constants", "variables", "rules", "costs", "graph", "observations"]


@_fuzz
@given(st.dictionaries(st.sampled_from(_KEYS), _JSON), _JSON, st.sampled_from(_KEYS))
def test_any_data_makes_a_space_or_a_stated_error(data, value, key):
    _declares_or_says_why(data)
    good = declare(BRANCHES).declaration.to_dict()
    _declares_or_says_why({**good, key: value})
    if isinstance(good[key], list) and good[key]:
        _declares_or_says_why({**good, key: [value, *good[key]]})


@_fuzz
@given(st.text(max_size=200) | st.text(alphabet="[]{}\"'=.,\n abc123#", max_size=200))
def test_any_text_is_read_or_refused(text):
    _declares_or_says_why(text)


@pytest.mark.parametrize(
    "text", ["[" * 10**5, "{" * 10**5, '{"a":' * 10**5, "a = " + "[" * 10**5, "x" * 10**6]
)
def test_huge_texts_are_refused(text):
    with pytest.raises(DeclarationError):
        declare(text)


def _declares_or_says_why(source):
    try:
        space = declare(source)
    except DeclarationError as error:
        assert error.problems
        assert all(problem.message and len(problem.message) < 1500 for problem in error.problems)
        return
    codes = space.sample(50, np.random.default_rng(0))
    assert all(np.isfinite(values).all() for values in space.statistics(codes).values())
    assert np.array_equal(space.parse_many(space.format(codes[:3])), codes[:3])


def test_the_documented_bounds_are_those_enforced():
    text = (Path(__file__).parents[2] / "docs" / "spaces.md").read_text(encoding="utf-8")
    assert f"At most {MAX_VARIABLES} variables are declared, {MAX_ENTRIES} with repetitions" in text
    assert f"{MAX_WORK:,} operations an expression, {MAX_RULE_WORK:,} of all rules together" in text
    assert f"{MAX_COST_WORK:,} of all costs, {MAX_RULES} rules" in text


def test_declared_at_once_a_space_is_built_once(monkeypatch):
    built = []

    class Slow(declared.DeclaredSpace):
        def __init__(self, declaration):
            built.append(declaration.name)
            waiting.wait(timeout=120)
            super().__init__(declaration)

    waiting = threading.Event()
    monkeypatch.setattr(declared, "DeclaredSpace", Slow)
    text = EXAMPLE.replace("window = 64", "window = 63")
    with ThreadPoolExecutor(4) as pool:
        spaces = [pool.submit(declare, text) for _ in range(4)]
        while not built:
            time.sleep(0.01)
        waiting.set()
        assert len({id(space.result()) for space in spaces}) == 1
    assert len(built) == 1


def test_added_spaces_are_kept_up_to_a_size_and_then_go_with_all_that_was_computed_of_them(monkeypatch):
    computed = []

    @cached_by_space(maxsize=8)
    def once(space, key):
        computed.append(key)
        return np.zeros(2**18)

    monkeypatch.setattr("spaces.known._ADDED._limit", 8 * 2**20)
    gone = []
    for number in range(12):
        space = declare(EXAMPLE.replace("window = 64", f"window = {number + 1}"))
        assert once(space, number) is once(space, number)
        gone.append(weakref.ref(space))
        name = space.name
    del space
    gc.collect()
    assert computed == list(range(12))
    assert gone[0]() is None and gone[-1]() is not None
    assert sum(ref() is not None for ref in gone) <= 4
    forget_space(name)
    gc.collect()
    assert gone[-1]() is None


def test_an_added_space_that_is_in_use_stays_known_by_its_name(monkeypatch):
    monkeypatch.setattr("spaces.known._ADDED._limit", 0)
    used = declare(EXAMPLE.replace("window = 64", "window = 62"))
    declare(EXAMPLE.replace("window = 64", "window = 61"))
    assert get_space(used.name) is used
    forget_space(used.name)
    with pytest.raises(KeyError, match="unknown space"):
        get_space(used.name)


def test_what_is_computed_of_a_space_of_the_program_is_kept():
    computed = []

    @cached_by_space(maxsize=8)
    def once(key, space):
        computed.append(key)
        return [key]

    assert once(1, get_space("nasbench201")) is once(1, get_space("nasbench201"))
    assert computed == [1]


def test_a_space_holds_no_text_that_it_came_from():
    assert declare(EXAMPLE).declaration.source.data == {}
