"""The comparison of scaling, with small numbers: every figure is measured on the real stack."""

import math
from pathlib import Path

import pytest

from experiments.framework.catalogue import comparisons
from experiments.framework.goal import Goal
from experiments.service import scaling, servers

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in {
        "WORKERS": (1, 2),
        "JOBS_PER_WORKER": 1,
        "EVALUATIONS": 3,
        "FREE_EVALUATIONS": 20,
        "FREE_JOBS": 5,
        "QUEUED": 60,
        "REQUESTS": 5,
        "IDLE_SECONDS": 0.5,
        "DESIGNS": 1,
    }.items():
        monkeypatch.setattr(scaling, name, value)


def test_every_figure_is_measured():
    figures = scaling.measure("sqlite-valkey")
    small = {what for _, what in scaling.FIGURES} - {"4-workers", "8-workers"}
    assert set(figures) == small
    assert all(math.isfinite(value) and value >= 0 for value in figures.values())
    # Ten milliseconds too short would be less than the evaluation itself waits.
    assert figures["1-worker"] <= 1 / scaling.WAIT_SECONDS
    assert figures["worker-memory"] > figures["idle-worker-memory"] > 10


def test_the_goals_are_those_that_were_set():
    assert "scaling" in comparisons()
    goals = {what: Goal.parse(goal) for (_, what), (_, goal) in scaling.FIGURES.items() if goal}
    assert {name: str(goals[name]) for name in ("8-workers", "evaluation", "submit-p95", "page-p95")} == {
        "8-workers": ">= 0.9",
        "evaluation": "<= 15",
        "submit-p95": "<= 50",
        "page-p95": "<= 100",
    }
    assert goals["submit-times-empty"] == goals["page-times-empty"] == Goal.parse("<= 1.2")


def test_a_stack_that_is_not_here_is_absent_with_the_reason(monkeypatch):
    monkeypatch.setattr(servers.shutil, "which", lambda name: None)
    reason = servers.missing()
    assert reason is not None and "Redis" in reason
    row = scaling._row("1-x", [], "ms", "<= 1", reason)
    assert row.value is None and row.reason == reason and not row.passes


def test_the_page_on_scaling_quotes_every_figure():
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    for name in scaling.STACKS:
        for number, what in scaling.FIGURES:
            assert f"{{{number}-{name}-{what}}}" in page
