"""Rows: what each kind says, and what none may say."""

import ast
import json
from pathlib import Path

import pytest

import experiments
from experiments.framework.goal import Goal
from experiments.framework.published import Publication
from experiments.framework.row import NO_TABLE, Kind, Row, Verdict

PAPER = Publication("Who", 2020, "There, Table 1")
FILLED = {"Row", "Origin", "Comparison", "Estimate", "Difference"}
COLUMN = ["nasbench201/accuracy@cifar10"]


def test_rows_come_back_from_json():
    for row in (
        Row.measured(
            "a", [1.0, 2.0], "%", goal=">= 1.5", evaluated_on=COLUMN, published=PAPER.reports(1.0), source="x"
        ),
        Row.measured("b", 3, "ms", statement="one run"),
        Row.exact("c", 3.25, "MB"),
        Row.quoted("d", PAPER.reports(0.5), "tau"),
        Row.absent("e", "no data", "%", goal="< 3"),
        Row.ahead("f-ahead", [1.0, 2.0, 3.5], [0.0, 1.0, 2.0], "%", pairs=True, evaluated_on=COLUMN),
        Row.tasks_ahead("g-ahead", {"t": ([1.0, 2.0], {"r": [0.0, 0.5]})}),
        Row.share("h", 3, 4, over="cells"),
        Row.counted("i", 0, 200, "jobs", over="kills", goal="== 0", evaluated_on=NO_TABLE),
        Row.quantile("j", [1.0, 2.0, 3.0], 0.5, "ms", over="requests"),
    ):
        assert Row.from_dict(json.loads(json.dumps(row.to_dict()))) == row


@pytest.mark.parametrize("text", ["0.75", ">=0.75x", "~ 3", ">= nan", "", ">= high"])
def test_a_goal_is_a_relation_and_a_number(text):
    with pytest.raises(ValueError):
        Goal.parse(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_row_is_finite(value):
    with pytest.raises(ValueError, match="not finite"):
        Row.exact("a", value, "%")


def test_values_are_rounded_so_that_the_order_of_a_sum_does_not_show():
    assert Row.exact("a", 0.1 + 0.2, "%").value == Row.exact("a", 0.3, "%").value == 0.3


def test_one_value_says_why_it_is_one():
    with pytest.raises(ValueError, match="row a is one value"):
        Row.measured("a", 3.0, "%")
    with pytest.raises(ValueError, match="row a is one value"):
        Row.measured("a", [3.0], "%", over="devices")
    assert Row.measured("a", 3.0, "%", statement="one batch").standard_error is None
    assert "one seed" in Row.measured("a", [3.0], "%").statement


def test_no_standard_error_is_set_by_hand():
    with pytest.raises(TypeError):
        Row.measured("a", 3.0, "%", standard_error=0.1)
    with pytest.raises(TypeError):
        Row.measured("a", [3.0, 3.1], "%", commit="0123", seeds=[1])


def test_no_comparison_fills_a_row_by_hand():
    """Fields, errors and origins are the framework's: comparisons call the class methods of Row alone."""
    root = Path(experiments.__path__[0])
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] == "framework":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in FILLED), f"{path.name}:{node.lineno}"


def test_what_is_exact_or_quoted_reaches_no_goal():
    with pytest.raises(TypeError):
        Row.exact("a", 1.0, "%", goal="== 1")
    with pytest.raises(ValueError, match="reaches no goal"):
        Row("a", Kind.EXACT, 1.0, "%", goal=Goal.parse("== 1"), evaluated_on=())


def test_a_goal_names_what_decides_it():
    with pytest.raises(ValueError, match="must name evaluated_on"):
        Row.measured("a", [1.0, 2.0], "%", goal="> 0")
    with pytest.raises(ValueError, match="not 'cifar10'"):
        Row.measured("a", [1.0, 2.0], "%", goal="> 0", evaluated_on=["cifar10"])


def test_what_a_card_says_is_not_measured():
    with pytest.raises(ValueError, match="what a card says"):
        Row.measured("a", 3.0, "s", statement="once", source="from the card of the weights")


def test_a_published_figure_has_a_publisher():
    for author, where in (("", "Table 1"), ("Who", " ")):
        with pytest.raises(ValueError, match="author, year and where"):
            Publication(author, 2020, where)
    with pytest.raises(ValueError, match="Publication"):
        Row.exact("a", 1.0, "%", published=0.5)


def test_ahead_is_said_by_a_test_alone():
    for id in ("1-ahead", "ahead-of-random", "2-clearly-ahead-now"):
        with pytest.raises(ValueError, match=r"is said by Row\.ahead"):
            Row.measured(id, [1.0, 2.0], "points")
    Row.measured("look-aheads", [1.0, 2.0], "points")


def test_a_tie_is_not_ahead():
    tie = Row.ahead("1-ahead", [1.0, 2.0], [1.0, 2.0], "%", pairs=True, evaluated_on=NO_TABLE)
    assert tie.value == 0 and tie.verdict is Verdict.UNDECIDED and not tie.passes
    clear = Row.ahead(
        "1-ahead", [1.1, 2.2, 3.1, 4.2], [0.0, 1.0, 2.0, 3.0], "%", pairs=True, evaluated_on=NO_TABLE
    )
    assert clear.verdict is Verdict.MET and clear.p < 0.001
    one = Row.ahead("1-ahead", [1.0], [0.0], "%", pairs=True, evaluated_on=NO_TABLE)
    assert one.verdict is Verdict.UNDECIDED


def test_tasks_ahead_counts_neither_ties_nor_what_is_unclear():
    clear = ([1.1, 2.2, 3.1, 4.2, 5.0], {"r": [0.0, 1.0, 2.0, 3.0, 4.0]})
    tie = ([1.0] * 5, {"r": [1.0] * 5})
    behind_one = (clear[0], {"r": clear[1]["r"], "s": [9.0, 8.0, 7.5, 9.0, 9.0]})
    row = Row.tasks_ahead(
        "1-ahead", {"a": clear, "b": tie, "c": behind_one}, goal=">= 1", evaluated_on=COLUMN
    )
    assert row.value == 1 and row.unit == "tasks of 3" and row.verdict is Verdict.MET


@pytest.mark.parametrize(
    ("values", "goal", "verdict"),
    [
        ([0.9300, 0.9301, 0.92995, 0.93015], ">= 0.93", Verdict.UNDECIDED),
        ([0.95, 0.951, 0.949], ">= 0.93", Verdict.MET),
        ([0.91, 0.911, 0.909], ">= 0.93", Verdict.MISSED),
        ([100.0, 100.0], "== 100", Verdict.MET),
        ([100.0, 99.0], "== 100", Verdict.MISSED),
        ([3.0], "<= 4", Verdict.UNDECIDED),
        ([0.0, 0.0, 0.0], "<= 0", Verdict.MET),
    ],
)
def test_a_goal_is_reached_as_clearly_as_the_value_is_known(values, goal, verdict):
    row = Row.measured("a", values, "tau", goal=goal, evaluated_on=NO_TABLE)
    assert row.verdict is verdict and row.passes == (verdict is Verdict.MET)


def test_an_estimate_near_its_bound_is_undecided():
    estimate = {"value": 0.93005, "standard_error": 0.0035, "n": 900}
    row = Row.estimated("a", estimate, "tau", over="networks", goal=">= 0.93", evaluated_on=COLUMN)
    assert row.verdict is Verdict.UNDECIDED


def test_a_share_is_tested_by_the_binomial_distribution():
    def verdict(hits, of, goal):
        return Row.share("a", hits, of, over="cells", goal=goal, evaluated_on=NO_TABLE).verdict

    assert verdict(20, 20, ">= 99") is Verdict.UNDECIDED
    assert verdict(1000, 1000, ">= 99") is Verdict.MET
    assert verdict(20, 20, "== 100") is Verdict.MET
    assert verdict(1, 20, ">= 90") is Verdict.MISSED
