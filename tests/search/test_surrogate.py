"""Surrogates are the Gaussian processes that they say they are, and a search with them continues alike."""

import numpy as np
import pytest
import torch
from botorch.models import SingleTaskGP
from botorch.models.model import Model

from predictors.calibration.normal_scores import normal_scores
from predictors.gaussian_processes.exact_gp import exact_gp, fit_hyperparameters, marginals
from predictors.gaussian_processes.grouped_matern import Groups
from search.bo.candidates import listed
from search.bo.inputs import input_map
from search.bo.surrogates import APART, Surrogates, checkpoint
from search.pareto.fitness import averaged, fitness
from search.strategies.bayes import BayesStrategy
from search.testing.strategies import ACCURACY, completed, problem, trade_off
from search.trial import CompletedTrial
from spaces.known import get_space
from spaces.metric import Constraint, Observation, Quantity

CELLS = get_space("nasbench201")


def test_a_continued_search_computes_the_same_numbers():
    about = problem()
    names = CELLS.format(CELLS.sample(40, np.random.default_rng(2)))
    trials = completed(about, list(dict.fromkeys(names))[:30])
    codes, inputs = listed(about)
    grown, anew = Surrogates(about), Surrogates(about)
    for count in range(5, 31):
        grown.learn(trials[:count], [trial.observation for trial in trials[:count]])
    anew.learn(trials, [trial.observation for trial in trials])
    found, fresh = (each.marginals("accuracy@cifar10", codes, inputs) for each in (grown, anew))
    assert all((one == other).all() for one, other in zip(found, fresh, strict=True))
    assert checkpoint(30) < 30  # some labels came after the last fit


def test_graphs_are_compared_by_positional_features():
    look = input_map(get_space("gnn"), "cora")
    assert look.kinds == ("positional",)
    assert look.sizes == (9, 35, 9, 90, 15)  # counts, depths, ends, pairs, shape
    codes = get_space("gnn").enumerate()[::7]
    seen = look(codes)
    assert len(np.unique(seen.round(6), axis=0)) == len(codes), "no two architectures have equal inputs"
    assert "positional" not in input_map(CELLS, "cifar10").kinds
    assert np.allclose((seen**2).sum(axis=1).mean(), len(look.sizes), rtol=0.1)


def test_a_dozen_graphs_show_what_an_operation_costs():
    space = get_space("gnn")
    look, codes = input_map(space, "cora"), space.enumerate()
    agreement: dict[str, list[float]] = {"accuracy": [], "latency_ms": []}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        times = (codes[:, 1:, None] == np.arange(9)).sum(axis=1) @ rng.uniform(0, 1, 9)
        rows = rng.choice(len(codes), 512, replace=False)
        known, others = rows[:12], rows[12:]
        y, x = normal_scores(times[known]), look(codes[known])
        for metric, found in agreement.items():
            lengths = look.prior_log_lengthscales(Quantity(metric, task="cora", device="gpu"))
            groups = Groups.of(look.sizes, lengths)
            model = exact_gp(x, y, groups, fit_hyperparameters(x, y, groups, iterations=25))
            mean, _ = marginals(model, look(codes[others]))
            found.append(float(np.corrcoef(mean, times[others])[0, 1]))
    assert np.mean(agreement["latency_ms"]) > 0.7
    assert np.mean(agreement["latency_ms"]) > np.mean(agreement["accuracy"]) + 0.05


def with_one_lengthscale(x: torch.Tensor, y: torch.Tensor) -> Model:
    """BoTorch's own model at its defaults, not fitted: any model will do as a surrogate."""
    return SingleTaskGP(x, y, outcome_transform=None)


@pytest.mark.filterwarnings("ignore::botorch.exceptions.warnings.InputDataWarning")
@pytest.mark.parametrize("about", [problem(), trade_off()], ids=["one objective", "two"])
def test_any_botorch_model_is_a_surrogate(about):
    strategy = BayesStrategy(about, seed=0, make_model=with_one_lengthscale)
    for _ in range(7):
        strategy.observe(completed(about, strategy.suggest(1)))
    names = strategy.suggest(3)
    assert len({*names, *(trial.architecture for trial in strategy.completed)}) == 10
    assert all(strategy.predicted(name) for name in names)


def test_no_suggestion_fits_two_quantities():
    about = trade_off()  # accuracy and a bound on a latency are measured
    names = CELLS.format(CELLS.sample(40, np.random.default_rng(2)))
    trials = completed(about, list(dict.fromkeys(names))[:38])
    surrogates, refits = Surrogates(about), []
    before: dict[str, object] = {}
    for count in range(24, 39):
        surrogates.learn(trials[:count], [trial.observation for trial in trials[:count]])
        now = {key: question for key, (question, _) in surrogates._theta.items()}
        refits.append(sum(now[key] != before.get(key) for key in now))
        before = now
    assert len(before) == 2
    assert max(refits[1:]) == 1 < sum(refits[1:])
    for count in range(23, 2000):
        assert (checkpoint(count) == count) + (checkpoint(count - APART) == count - APART) < 2


def test_a_lower_fidelity_improves_the_surrogate():
    about = problem(max_params_m=1.6)
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(CELLS.format(CELLS.sample(90, rng))))
    cheap = completed(about, names[:80], "12ep")
    full = completed(about, names[80:85])
    surrogates = Surrogates(about)
    codes = CELLS.sample(400, np.random.default_rng(9))
    truth = [t.observation.values["accuracy@cifar10"] for t in completed(about, CELLS.format(codes))]

    def agreement(trials):
        surrogates.learn(trials, [trial.observation for trial in full])
        return np.corrcoef(surrogates.marginals("accuracy@cifar10", codes)[0], truth)[0, 1]

    found = agreement([*cheap, *full])
    assert found > 0.75 and found > agreement(full) + 0.02


def test_finds_the_best_of_a_smooth_landscape_where_random_search_would_not():
    about = problem(max_params_m=1.6)
    everyone = CELLS.enumerate()
    values = [
        trial.observation.values["accuracy@cifar10"] for trial in completed(about, CELLS.format(everyone))
    ]
    best = max(values)
    strategy, reached = BayesStrategy(about, seed=0), []
    for _ in range(25):
        (trial,) = completed(about, strategy.suggest(1))
        strategy.observe([trial])
        reached.append(trial.observation.values["accuracy@cifar10"])
    # Twenty-five uniform draws reach this with a probability below 25 × the share of such architectures.
    assert 25 * np.mean(np.array(values) >= max(reached)) < 0.05
    assert max(reached) > best - 0.02 * (best - np.median(values))


def test_several_objectives_spread_over_the_front():
    about = trade_off()
    strategy = BayesStrategy(about, seed=0)
    for _ in range(20):
        strategy.observe(completed(about, strategy.suggest(1)))
    params = [trial.observation.values["params_m"] for trial in strategy.completed[5:]]
    assert max(params) > 3 * min(params)


def test_a_space_too_large_to_list_is_searched_by_its_pool(monkeypatch):
    monkeypatch.setattr("search.strategies.bayes.LISTED", 10)
    about = problem()
    strategy, seen = BayesStrategy(about, seed=0), []
    for _ in range(8):
        suggestion = strategy.suggest(1)
        strategy.observe(completed(about, suggestion))
        seen += suggestion
    assert len({*seen, *strategy.suggest(3)}) == 11
    assert (about.gap(CELLS.parse_many(seen)) <= 0).all()


def test_fitness_puts_bounds_before_values_and_fronts_before_crowds():
    about = problem()
    bound = Constraint(Quantity("latency_ms", device="fpga"), max=2.0)
    both = type(about)(CELLS, "cifar10", (ACCURACY,), (bound,))
    observed = [
        Observation("a", {"accuracy@cifar10": accuracy, "latency_ms@fpga": latency}, "test")
        for accuracy, latency in ((90.0, 1.0), (95.0, 2.1), (96.0, 9.0), (80.0, 2.0))
    ]
    assert np.argsort(-fitness(both, observed)).tolist() == [0, 3, 1, 2]
    two = type(about)(CELLS, "cifar10", (ACCURACY, Quantity("latency_ms", device="fpga")), ())
    found = fitness(two, observed)
    assert found[3] < min(found[[0, 1, 2]])  # the only one that another one dominates


def test_the_neighbourhood_is_averaged_over_what_was_observed():
    codes = CELLS.enumerate()[:1]
    near = CELLS.neighbours(codes[0])[:2]
    far = CELLS.parse(CELLS.example)[None]
    values = np.array([1.0, 4.0, 7.0, 9.0])
    assert averaged(CELLS, np.concatenate([codes, near, far]), values)[[0, 3]].tolist() == [4.0, 9.0]


def test_failures_do_not_change_what_is_suggested():
    about = problem()
    names = CELLS.format(CELLS.enumerate()[100:108])
    trials = completed(about, names)
    clean, poisoned = BayesStrategy(about, seed=0), BayesStrategy(about, seed=0)
    clean.observe(trials)
    lost = CELLS.format(CELLS.enumerate()[5:6])[0]
    poisoned.observe([CompletedTrial(Observation(lost, {}, "test", failed="nan")), *trials])
    assert clean.suggest(1) == poisoned.suggest(1)
