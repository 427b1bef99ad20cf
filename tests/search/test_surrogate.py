"""The surrogate is the Gaussian process it says it is, however its labels came in."""

import numpy as np
import pytest

from predictors.normal_scores import normal_scores
from search.beliefs import APART, Beliefs, checkpoint
from search.candidates import listed
from search.merit import averaged, merits
from search.strategies.bayes import BayesStrategy
from search.surrogate import Field, hyperparameters, view
from search.testing import ACCURACY, completed, problem, trade_off
from search.trial import CompletedTrial
from spaces.metric import Constraint, Observation, Quantity
from spaces.space import get_space

CELLS = get_space("nasbench201")
THETA = np.array([0.3, 0.5, 1.2, 1.0, np.log(0.9), np.log(0.05)])


def dense(points, candidates, labels, theta):
    """Mean and variance by the textbook."""
    x, z = (
        np.concatenate([g * np.exp(-length) for g, length in zip(groups, theta[:-2], strict=True)], axis=1)
        for groups in (points, candidates)
    )

    def kernel(a, b):
        r = np.sqrt(5 * ((a[:, None] - b) ** 2).sum(axis=2))
        return np.exp(theta[-2]) * (1 + r + r**2 / 3) * np.exp(-r) + 1.0

    inverse = np.linalg.inv(kernel(x, x) + (np.exp(theta[-1]) + 1e-6) * np.eye(len(x)))
    cross = kernel(z, x)
    variance = np.exp(theta[-2]) + 1.0 - ((cross @ inverse) * cross).sum(axis=1)
    return cross @ inverse @ labels, variance


def test_the_field_is_the_posterior_whatever_the_order_of_learning():
    rng, look = np.random.default_rng(0), view(CELLS, "cifar10")
    points, candidates = look(CELLS.sample(12, rng)), look(CELLS.sample(30, rng))
    labels = rng.normal(size=12)
    mean, variance = dense(points, candidates, labels, THETA)
    at_once, one_by_one = Field(candidates, THETA), Field(candidates, THETA, room=2)
    at_once.learn(points)
    for row in range(12):
        one_by_one.learn([group[row : row + 1] for group in points])
    for field in (at_once, one_by_one):
        assert field.mean(labels) == pytest.approx(mean, abs=2e-4)
        assert field.variance == pytest.approx(variance, abs=2e-4)


def test_a_believed_candidate_moves_no_mean_and_can_be_forgotten():
    rng, look = np.random.default_rng(0), view(CELLS, "cifar10")
    field = Field(look(CELLS.sample(30, rng)), THETA)
    field.learn(look(CELLS.sample(12, rng)))
    labels = rng.normal(size=12)
    mean, variance, before = field.mean(labels), field.variance, field.state()
    field.believe(3)
    assert (field.mean(labels) == mean).all()
    assert (field.variance <= variance + 1e-6).all() and field.variance[3] < 0.2 * variance[3]
    field.restore(before)
    assert (field.variance == variance).all() and field.count == 12


def test_a_continued_search_computes_the_same_numbers():
    about = problem()
    names = CELLS.format(CELLS.sample(40, np.random.default_rng(2)))
    trials = completed(about, list(dict.fromkeys(names))[:30])
    codes, inputs = listed(about)
    grown = Beliefs(about)
    for count in range(5, 31):
        finished = [trial.observation for trial in trials[:count]]
        grown.learn(trials[:count], finished)
        found = grown.fields(codes, inputs)["accuracy@cifar10"]
    anew = Beliefs(about)
    anew.learn(trials, [trial.observation for trial in trials])
    fresh = anew.fields(codes, inputs)["accuracy@cifar10"]
    assert (found.variance == fresh.variance).all() and (found.theta == fresh.theta).all()
    assert checkpoint(30) < 30  # some labels came after the last fit


def test_graphs_that_differ_are_seen_by_what_stands_where():
    look = view(get_space("gnn"), "cora")
    assert look.kinds == ("placement",)
    assert [len(columns) for columns in look.columns] == [
        9,
        35,
        9,
        90,
        15,
    ]  # counts, depths, ends, pairs, shape
    codes = get_space("gnn").enumerate()[::7]
    seen = np.concatenate(look(codes), axis=1)
    assert len(np.unique(seen.round(6), axis=0)) == len(codes), "no two members look alike"
    assert "placement" not in view(CELLS, "cifar10").kinds
    assert np.allclose(
        sum((group**2).sum(axis=1) for group in look(codes)).mean(), len(look.columns), rtol=0.1
    )


def test_a_dozen_graphs_tell_what_an_operation_costs():
    space = get_space("gnn")
    look, codes = view(space, "cora"), space.enumerate()
    agreement: dict[str, list[float]] = {"accuracy": [], "latency_ms": []}
    for seed in range(4):
        rng = np.random.default_rng(seed)
        times = (codes[:, 1:, None] == np.arange(9)).sum(axis=1) @ rng.uniform(0, 1, 9)
        rows = rng.choice(len(codes), 512, replace=False)
        known, others = rows[:12], rows[12:]
        labels, points = normal_scores(times[known]), look(codes[known])
        for metric, found in agreement.items():
            sought = look.sought(Quantity(metric, task="cora", device="gpu"))
            field = Field(look(codes[others]), hyperparameters(points, labels, sought))
            field.learn(points)
            found.append(float(np.corrcoef(field.mean(labels), times[others])[0, 1]))
    assert np.mean(agreement["latency_ms"]) > 0.7
    assert np.mean(agreement["latency_ms"]) > np.mean(agreement["accuracy"]) + 0.05


def test_no_suggestion_bears_two_refits():
    about = trade_off()  # accuracy and a bound on a latency are measured
    names = CELLS.format(CELLS.sample(40, np.random.default_rng(2)))
    trials = completed(about, list(dict.fromkeys(names))[:38])
    beliefs, refits = Beliefs(about), []
    before: dict[str, object] = {}
    for count in range(24, 39):
        beliefs.learn(trials[:count], [trial.observation for trial in trials[:count]])
        now = {key: question for key, (question, _) in beliefs._theta.items()}
        refits.append(sum(now[key] != before.get(key) for key in now))
        before = now
    assert len(before) == 2
    assert max(refits[1:]) == 1 < sum(refits[1:])
    for count in range(23, 2000):
        assert (checkpoint(count) == count) + (checkpoint(count - APART) == count - APART) < 2


def test_what_costs_little_foretells_what_costs_much():
    about = problem(max_params_m=1.6)
    rng = np.random.default_rng(0)
    names = list(dict.fromkeys(CELLS.format(CELLS.sample(90, rng))))
    cheap = completed(about, names[:80], "12ep")
    full = completed(about, names[80:85])
    beliefs = Beliefs(about)
    codes = CELLS.sample(400, np.random.default_rng(9))
    truth = [t.observation.values["accuracy@cifar10"] for t in completed(about, CELLS.format(codes))]

    def agreement(trials):
        beliefs.learn(trials, [trial.observation for trial in full])
        mean = beliefs.fields(codes)["accuracy@cifar10"].mean(beliefs.labels["accuracy@cifar10"])
        return np.corrcoef(mean, truth)[0, 1]

    told = agreement([*cheap, *full])
    assert told > 0.75 and told > agreement(full) + 0.02


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
    # Twenty-five uniform draws reach this with a probability below 25 × the share of such members.
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


def test_merit_puts_bounds_before_values_and_fronts_before_crowds():
    about = problem()
    bound = Constraint(Quantity("latency_ms", device="fpga"), max=2.0)
    both = type(about)(CELLS, "cifar10", (ACCURACY,), (bound,))
    told = [
        Observation("a", {"accuracy@cifar10": accuracy, "latency_ms@fpga": latency}, "test")
        for accuracy, latency in ((90.0, 1.0), (95.0, 2.1), (96.0, 9.0), (80.0, 2.0))
    ]
    assert np.argsort(-merits(both, told)).tolist() == [0, 3, 1, 2]
    two = type(about)(CELLS, "cifar10", (ACCURACY, Quantity("latency_ms", device="fpga")), ())
    found = merits(two, told)
    assert found[3] < min(found[[0, 1, 2]])  # the only one that another one dominates


def test_the_neighbourhood_is_averaged_over_what_was_observed():
    codes = CELLS.enumerate()[:1]
    near = CELLS.neighbours(codes[0])[:2]
    far = CELLS.parse(CELLS.example)[None]
    values = np.array([1.0, 4.0, 7.0, 9.0])
    assert averaged(CELLS, np.concatenate([codes, near, far]), values)[[0, 3]].tolist() == [4.0, 9.0]


def test_failures_leave_no_trace_in_what_is_believed():
    about = problem()
    names = CELLS.format(CELLS.enumerate()[100:108])
    trials = completed(about, names)
    clean, poisoned = BayesStrategy(about, seed=0), BayesStrategy(about, seed=0)
    clean.observe(trials)
    lost = CELLS.format(CELLS.enumerate()[5:6])[0]
    poisoned.observe([CompletedTrial(Observation(lost, {}, "test", failed="nan")), *trials])
    assert clean.suggest(1) == poisoned.suggest(1)
