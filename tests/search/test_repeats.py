"""Repeated measurements, values in parts and failures: what a search learns, whatever the way to it."""

import numpy as np
import pytest

from search.problem import Problem
from search.run.merged import merged
from search.run.suggested import suggested
from search.strategies.bayes import BayesStrategy
from search.trial import CompletedTrial
from spaces.declared.space import declare
from spaces.metric import Observation, Quantity

SPACE = declare(
    'name = "repeats"\n[variables]\n'
    + "\n".join(f'p{number} = ["a", "b", "c"]' for number in range(4))
    + '\n[metrics]\nf1 = "maximize"\nwait = "minimize"\n'
)
F1, WAIT = (Quantity(name, own=SPACE.own_metrics[name]) for name in ("f1", "wait"))
NAMES = SPACE.format(SPACE.enumerate())


def told(name, failed=None, std=None, **values):
    details = {} if std is None else {"std": std}
    return Observation(name, values, "told", failed, details=details)


def observing(observations, *objectives):
    strategy = BayesStrategy(Problem(SPACE, "own", objectives or (F1,), ()))
    strategy.observe([CompletedTrial(each) for each in observations])
    return strategy


def posterior(strategy, key="f1"):
    suggested(strategy, 1)
    return strategy.surrogates.marginals(key, SPACE.enumerate())


def test_means_counts_and_standard_errors():
    seen = [told("x", f1=1.0), told("x", f1=3.0), told("y", f1=5.0, std={"f1": 0.5}), told("z", f1=1.0)]
    whole, part, failed = merged([*seen, told("w", wait=1.0), told("v", failed="no")], {"f1"})
    assert [(each.architecture, each.values["f1"]) for each in whole] == [("x", 2.0), ("y", 5.0), ("z", 1.0)]
    assert whole[0].details == {"count": {"f1": 2}, "standard_error": {"f1": pytest.approx(1.0)}}
    assert whole[1].details == {"count": {"f1": 1}, "standard_error": {"f1": 0.5}}
    assert whole[2].details == {} and whole[2] == seen[3], "one measurement is what it was"
    assert [each.architecture for each in part] == ["w"] and failed == ["v"]
    assert merged([told("v", failed="no"), told("v", f1=1.0)], {"f1"})[2] == [], "values came after"


def test_a_repeat_that_changes_an_early_label_is_learned_as_by_a_search_that_begins_with_it():
    first = [told(name, f1=float(row % 7)) for row, name in enumerate(NAMES[::9])]
    later = told(NAMES[0], f1=40.0)
    strategy = observing(first)
    posterior(strategy)
    strategy.observe([CompletedTrial(later)])
    for ours, theirs in zip(posterior(strategy), posterior(observing([*first, later])), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_mean_of_many_is_surer_than_one_measurement():
    once = [told(name, f1=float(row)) for row, name in enumerate(NAMES[::9])]
    often = [*once, *[told(NAMES[0], f1=0.001 * step) for step in range(1, 9)]]
    row = 0
    assert posterior(observing(often))[1][row] < posterior(observing(once))[1][row]
    vague = [told(each.architecture, f1=each.values["f1"], std={"f1": 4.0}) for each in once]
    assert posterior(observing(vague))[1][row] > posterior(observing(once))[1][row]


def test_a_value_that_was_told_alone_is_learned():
    whole = [told(name, f1=float(row), wait=float(-row)) for row, name in enumerate(NAMES[::9])]
    alone = [told(name, wait=50.0) for name in NAMES[1:4]]
    rows = SPACE.enumerate()
    assert len(rows) == len(NAMES)
    before, after = (posterior(observing(each, F1, WAIT), "wait")[0] for each in (whole, [*whole, *alone]))
    assert (after[1:4] > before[1:4]).all()


def test_where_evaluations_fail_fewer_are_suggested():
    fine = [told(name, f1=1.0 + row % 3) for row, name in enumerate(NAMES[27::4])]
    broken = [told(name, failed="no memory") for name in NAMES[:27:2]]  # all begin with the first choice
    strategy = observing([*fine, *broken])
    found = suggested(strategy, 8)
    assert not any(name.startswith("p0=a") for name in found)
    success = strategy.surrogates.log_success(SPACE.enumerate())
    assert np.exp(success[:27]).max() < np.exp(success[27:]).min()
