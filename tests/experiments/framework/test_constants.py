"""The register of tuned constants names what there is."""

import ast
import re

import pytest

from benchmarks.table import all_tables
from experiments.framework.catalogue import comparisons
from experiments.framework.constants import CONSTANTS, Constant, constants_in, tuned_on
from experiments.framework.imports import _tree, modules_of
from experiments.framework.row import _COLUMN


@pytest.mark.parametrize("constant", CONSTANTS, ids=lambda constant: f"{constant.module}.{constant.name}")
def test_a_registered_constant_stands_where_the_register_says(constant: Constant) -> None:
    """A constant that moves takes its entry along: without it, goals would be tuned in silence."""
    named = set()
    for node in _tree(constant.module).body:
        if isinstance(node, ast.Assign):
            named |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named.add(node.target.id)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            named.add(node.name)
    assert set(constant.name.split(", ")) <= named
    assert constant.how and all(re.fullmatch(r"\d{4}", number) for number in constant.decision.split(", "))


def test_columns_that_chose_are_columns_of_a_table() -> None:
    known = {f"{table.space}/{column.key}" for table in all_tables() for column in table.columns}
    known.add("nasbench201/accuracy@imagenet-subsets")  # the pairs of tasks and cells
    for constant in CONSTANTS:
        for pattern in constant.chosen_on:
            assert list(tuned_on([constant.module], sorted(known))), pattern
            assert _COLUMN.fullmatch(pattern.replace("*", "x")), pattern


def test_every_constant_belongs_to_some_comparison() -> None:
    modules = {name for known in comparisons().values() for name in modules_of(known.module)}
    assert {constant.module for constant in CONSTANTS} <= modules


def test_a_column_is_found_by_pattern_in_imported_modules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Constant("a.b", "C", ("gnn/latency_ms@*",), "by looking", "0001")
    monkeypatch.setattr("experiments.framework.constants.CONSTANTS", (made,))
    assert list(tuned_on(["a.b"], ["gnn/latency_ms@gpu@cora", "gnn/accuracy@cora"])) == [
        ("gnn/latency_ms@gpu@cora", "a.b.C")
    ]
    assert not list(tuned_on(["a"], ["gnn/latency_ms@gpu@cora"])) and constants_in(["a"]) == []
