"""Acquisition: BoTorch's functions on a table of marginals, a batch with fantasies, the Pareto front."""

import numpy as np
import pytest
import torch
from botorch.acquisition import LogExpectedImprovement
from botorch.acquisition.multi_objective import ExpectedHypervolumeImprovement
from botorch.models import ModelListGP, SingleTaskGP
from botorch.utils.multi_objective.box_decompositions import FastNondominatedPartitioning
from hypothesis import given
from hypothesis import strategies as st

from search.bo.tabulated import TabulatedModel, evaluated, log_expected_improvement
from search.pareto.front import crowding, fronts, pareto_front
from search.strategies.bayes import BayesStrategy
from search.testing.strategies import completed, problem, trade_off
from search.trial import PendingTrial


def fitted(seed: int) -> SingleTaskGP:
    """A model of ten labels; not tuned."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(10, 3, generator=generator, dtype=torch.double)
    y = torch.sin(3 * x.sum(dim=1, keepdim=True) + seed)
    return SingleTaskGP(x, (y - y.mean()) / y.std(), outcome_transform=None).eval()


def tabulated(*models: SingleTaskGP) -> tuple[torch.Tensor, TabulatedModel]:
    """Candidates (c, 3), and their marginals in a table."""
    x = torch.rand(3000, 3, generator=torch.Generator().manual_seed(9), dtype=torch.double)
    with torch.no_grad():
        found = [model.posterior(x) for model in models]
    mean = np.concatenate([each.mean.numpy() for each in found], axis=1)
    std = np.sqrt(np.concatenate([each.variance.numpy() for each in found], axis=1))
    return x, TabulatedModel(mean, std)


def test_a_table_gives_what_the_model_itself_gives():
    one, two = fitted(0), fitted(1)
    x, table = tabulated(one)
    with torch.no_grad():
        expected = LogExpectedImprovement(one, best_f=0.5)(x[:64, None])
    np.testing.assert_allclose(
        evaluated(LogExpectedImprovement(table, best_f=0.5), len(x))[:64], expected, rtol=1e-4, atol=1e-4
    )
    x, table = tabulated(one, two)
    front = torch.tensor([[0.2, 0.8], [0.7, 0.1]], dtype=torch.double)
    cut = FastNondominatedPartitioning(torch.zeros(2, dtype=torch.double), front)
    with torch.no_grad():
        both = ExpectedHypervolumeImprovement(ModelListGP(one, two), [0.0, 0.0], cut)(x[:64, None])
        ours = evaluated(ExpectedHypervolumeImprovement(table, [0.0, 0.0], cut), len(x))
    np.testing.assert_allclose(ours[:64], both, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("mean", "std", "best"), [(0.0, 1.0, 0.5), (2.0, 0.3, 1.9), (-1.0, 2.0, 1.0)])
def test_expected_improvement_agrees_with_monte_carlo(mean, std, best):
    draws = np.random.default_rng(0).normal(mean, std, 400_000)
    improvement = np.maximum(draws - best, 0)
    # Five standard errors of the Monte Carlo mean.
    error = 5 * improvement.std() / np.sqrt(len(draws))
    got = np.exp(log_expected_improvement(np.array([mean]), np.array([std]), best))[0]
    assert got == pytest.approx(improvement.mean(), abs=error)


def test_no_candidate_has_no_value():
    assert log_expected_improvement(np.empty(0), np.empty(0), 0.0).shape == (0,)


@pytest.mark.parametrize("about", [problem(), trade_off()], ids=["one objective", "two"])
def test_a_batch_is_what_one_by_one_with_pending_trials_gives(about):
    """The first places: later ones are chosen among a shortlist."""
    batch, alone = BayesStrategy(about, seed=0), BayesStrategy(about, seed=0)
    names = about.space.format(about.space.sample(12, np.random.default_rng(3)))
    for strategy in (batch, alone):
        strategy.observe(completed(about, names))
    together, pending = batch.suggest(3), []
    for _ in range(3):
        (name,) = alone.suggest(1)
        pending.append(name)
        alone.observe([], [PendingTrial(each) for each in pending])
    assert together == pending


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_the_front_is_what_no_other_dominates(points):
    scores = np.array(points, dtype=float)
    front = pareto_front(scores)
    for row, kept in zip(scores, front, strict=True):
        dominated = any((other >= row).all() and (other > row).any() for other in scores)
        assert kept != dominated


def test_fronts_peel_off_one_after_another():
    scores = np.random.default_rng(1).normal(size=(40, 2))
    numbers = fronts(scores)
    for number in range(numbers.max() + 1):
        rest = np.flatnonzero(numbers >= number)
        assert set(rest[pareto_front(scores[rest])]) == set(np.flatnonzero(numbers == number))


def test_the_loneliest_of_a_front_is_least_crowded():
    found = crowding(np.array([[0.0, 10.0], [1.0, 9.0], [5.0, 5.0], [10.0, 0.0]]))
    assert np.isinf(found[[0, 3]]).all() and found[2] > found[1]
