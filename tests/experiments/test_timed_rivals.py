"""What a suggestion costs: rivals that are timed with our observations, or absent by their names."""

import numpy as np
import pytest

from experiments.framework.row import Kind
from experiments.search import seconds, timed_rivals
from experiments.search.runs import Quest
from spaces.metric import Quantity

TWO = Quest(
    "gnn", "cora", (Quantity("accuracy", task="cora"), Quantity("latency_ms", device="gpu", task="cora"))
)


def test_rows_of_a_rival_that_is_not_installed_are_absent_by_its_name(monkeypatch) -> None:
    monkeypatch.setattr(timed_rivals, "find_spec", lambda name: None if name == "ax" else object())
    (row,) = seconds._of_rival(None, "4-one-at-300-ax", "ax", TWO, 305, 1)
    assert row.kind is Kind.ABSENT and row.id == "4-one-at-300-ax"
    assert "ax-platform" in str(row.to_dict())
    assert timed_rivals.available("optuna-gp") is None


def test_optunas_process_learns_what_was_added_and_suggestions_are_given_up() -> None:
    pytest.importorskip("optuna")
    problem = TWO.problem
    rival = timed_rivals.make_rival("optuna-gp", problem, 0)
    assert isinstance(rival, timed_rivals.OptunaGP)
    rng = np.random.default_rng(0)
    names = problem.space.format(problem.space.sample(40, rng))
    names = [name for name in names if problem.gap(problem.space.parse(name)[None])[0] <= 0][:12]
    for name in names:
        rival.add(name, rng.normal(size=2).tolist())
    rival.ask(2)
    states = [trial.state.name for trial in rival.study.get_trials()]
    assert states == ["COMPLETE"] * 12 + ["FAIL"] * 2


def test_one_thread_gives_the_threads_back() -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with seconds.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
