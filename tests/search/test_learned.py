"""What is learned of thousands of observations is bounded, the same again, and holds the best."""

import numpy as np
import pytest

from search.bo.chebyshev import expected_improvement, random_weights, scalarized
from search.pareto.front import pareto_front
from search.run.subset import EVERY, MOST, chosen
from search.study import parse_study, strategy_of
from search.trial import CompletedTrial, PendingTrial
from spaces.known import get_space
from spaces.metric import Observation

CELLS = get_space("nasbench201")


def study(objectives, **change):
    devices = [{"metric": "latency_ms", "device": f"d{number}"} for number in range(1, objectives)]
    body = {"space": "nasbench201", "task": "cifar10", "objectives": [{"metric": "accuracy"}, *devices]}
    return parse_study(body | change)


def observed(problem, count, seed=0):
    """Random values that no other dominates."""
    rng = np.random.default_rng(seed)
    names = CELLS.format(CELLS.enumerate()[rng.permutation(CELLS.size)[:count]])
    keys = [quantity.key for quantity in problem.quantities]
    values = rng.uniform(1, 90, (count, len(keys)))
    if len(keys) > 1:
        values[:, 0] = values[:, 1:].mean(axis=1)
    rows = values.tolist()
    return [
        Observation(n, dict(zip(keys, row, strict=True)), "told") for n, row in zip(names, rows, strict=True)
    ]


def test_few_observations_are_all_learned():
    problem = study(1).problem()
    known = observed(problem, 50)
    assert chosen(problem, known) == known


def test_of_many_the_best_are_kept_and_each_new_one_joins_them():
    problem = study(2).problem()
    known = observed(problem, MOST + 3 * EVERY)
    last: list[Observation] = []
    for count in (MOST + EVERY + 1, MOST + EVERY + 7, MOST + 2 * EVERY - 1):
        kept = chosen(problem, known[:count])
        assert len(kept) <= MOST + EVERY
        assert kept[: len(last)] == last, "what was learned is a beginning of what is learned now"
        assert kept[-1] == known[count - 1]
        last = kept
    best = max(known, key=lambda each: each.values["accuracy@cifar10"])
    fastest = min(known, key=lambda each: each.values["latency_ms@d1"])
    kept = chosen(problem, known)
    assert best in kept and fastest in kept


@pytest.mark.parametrize("strategy", ["bayes", "evolution", "local"])
def test_what_was_left_out_is_not_suggested_again(strategy):
    request = study(1, strategy=strategy, distinct="string")  # of the last five some compute the same
    problem = request.problem()
    known = observed(problem, CELLS.size - 5)
    searching = strategy_of(request, None)
    searching.observe([CompletedTrial(each) for each in known])
    names = searching.suggest(3)
    assert len(names) == 3 and not {*names} & {each.architecture for each in known}


def test_eight_objectives_are_suggested_for_and_again_the_same():
    request = study(8)
    known = [CompletedTrial(each) for each in observed(request.problem(), 300)]
    pending = [PendingTrial(name) for name in CELLS.format(CELLS.sample(40, np.random.default_rng(9)))]

    def suggested(parts):
        searching = strategy_of(request, None)
        for part in parts:
            searching.observe(part, pending)
        return searching.suggest(3)

    once = suggested([known])
    assert len({*once}) == 3
    assert once == suggested([known[:100], known[100:]])


def test_the_scalarized_improvement_agrees_with_monte_carlo():
    rng = np.random.default_rng(0)
    front, weights = rng.normal(size=(6, 5)), random_weights(5, [0])
    assert weights.sum() == pytest.approx(1.0) and (weights >= 0).all()
    mean, std = rng.normal(1.5, 0.5, (1, 5)), rng.uniform(0.2, 1, (1, 5))
    low, width = front.min(axis=0), front.max(axis=0) - front.min(axis=0)
    best = scalarized((front - low) / width, weights).max()
    draws = rng.normal(mean, std, (200_000, 5))
    truth = np.maximum(scalarized((draws - low) / width, weights) - best, 0).mean()
    assert expected_improvement(mean, std, front, weights)[0] == pytest.approx(truth, rel=0.1)


@pytest.mark.parametrize("objectives", [1, 2, 5])
def test_the_front_is_what_no_other_row_beats(objectives):
    rng = np.random.default_rng(objectives)
    for scores in (rng.normal(size=(60, objectives)), rng.integers(0, 3, (60, objectives)).astype(float)):
        beats = (scores[:, None] >= scores).all(axis=2) & (scores[:, None] > scores).any(axis=2)
        assert (pareto_front(scores) == ~beats.any(axis=0)).all()
