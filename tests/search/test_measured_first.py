"""What a quick evaluator shows outside a bound is not trained, is no part of the budget, and is learned."""

from dataclasses import replace

import numpy as np
import pytest

from search.design import run_design
from search.evaluator import Evaluator
from search.feasibility.measured_first import MeasuredFirst, spared
from search.request.design_request import parse_request
from search.run.composite import CompositeEvaluator
from search.run.loop import SPARED, run
from search.strategies.random import RandomStrategy
from spaces.known import get_space
from spaces.metric import Observation

CELLS = get_space("nasbench201")
EVERYONE = CELLS.enumerate()
SLOWNESS = CELLS.statistics(EVERYONE)["macs_m"]
LATENCY, ACCURACY = "latency_ms@worker", "accuracy@cifar10"
FASTEST = float(np.quantile(SLOWNESS, 0.1))


class Quick(Evaluator):
    """A latency that is the number of multiply-accumulates."""

    source = "quick"

    def evaluate(self, architecture, should_stop):
        codes = CELLS.parse(architecture)[None]
        value = float(CELLS.statistics(codes)["macs_m"][0])
        return Observation(architecture, {LATENCY: value}, self.source)


class Slow(Evaluator):
    """A training; remembers what it was spent on."""

    source = "slow"

    def __init__(self):
        self.trained = []

    def evaluate(self, architecture, should_stop):
        self.trained.append(architecture)
        return Observation(architecture, {ACCURACY: 90.0 + len(architecture) % 7}, self.source)


def requested(most=FASTEST, **change):
    body = {
        "space": "nasbench201",
        "task": "cifar10",
        "constraints": [{"metric": "latency_ms", "device": "worker", "max": most}],
        "evaluations": 4,
        "count": 4,
        "evaluator": {"accuracy": "training", "latency_ms": "latency"},
        "knowledge": "none",
        "strategy": "random",
    }
    return parse_request(body | change)


def searched(request, evaluations=4):
    """A search with the quick evaluator and the slow one: what was trained, observed and reported."""
    problem, slow, events = request.problem(), Slow(), []
    evaluator = CompositeEvaluator(problem, [Quick(), slow], slow=1)
    strategy = RandomStrategy(problem, seed=request.seed)
    strategy.rebound(replace(problem, predictions=MeasuredFirst(problem)))
    seen = run(strategy, evaluator, evaluations, on_event=events.append)
    return slow.trained, seen, events


def test_nothing_is_trained_that_is_measured_outside_a_bound():
    trained, seen, events = searched(requested())
    held = dict(zip(CELLS.format(EVERYONE), SLOWNESS <= FASTEST, strict=True))
    assert len(trained) == 4 and all(held[cell] for cell in trained)
    outside = [each for each in seen if spared(each)]
    assert outside and {each.architecture for each in outside}.isdisjoint(trained)
    assert all(each.values[LATENCY] > FASTEST for each in outside)
    assert events[-1].done == 4 and "slow was not begun" in outside[0].failed


def test_measurements_of_what_was_spared_are_learned():
    """One of ten uniform draws holds the bound; after some measurements most suggestions do."""
    _, seen, _ = searched(requested(), evaluations=10)
    late = seen[12:]
    assert np.mean([not spared(each) for each in late]) > 0.3


def test_a_search_ends_where_nothing_holds():
    trained, seen, events = searched(requested(most=1e-9), evaluations=2)
    assert trained == [] and len(seen) <= SPARED * 2
    assert events[-1].kind == "exhausted"


def test_a_search_that_continues_suggests_what_it_would_have():
    problem = requested().problem()
    _, seen, _ = searched(requested())
    whole = MeasuredFirst(problem)
    for count in range(1, len(seen) + 1):
        whole = whole.refined(seen[:count], 1)
    at_once = MeasuredFirst(problem).refined(seen, len(seen))
    assert (whole.gap(EVERYONE[::50]) == at_once.gap(EVERYONE[::50])).all()


@pytest.mark.parametrize(("most", "state"), [(FASTEST, "succeeded"), (1e-9, "infeasible")])
def test_a_design_counts_trainings_and_tells_the_nearest(most, state, monkeypatch, tables):
    request, slow = requested(most), Slow()
    monkeypatch.setattr("search.design.check_answerable", lambda request, *others: request)
    monkeypatch.setattr(
        "search.design.make_evaluator",
        lambda problem, *others: CompositeEvaluator(problem, [Quick(), slow], slow=1),
    )
    monkeypatch.setattr("search.design.sources_by_quantity", lambda request: {ACCURACY: {}, LATENCY: {}})
    outcome = run_design(request, tables=tables)
    assert (outcome.state, outcome.result["evaluated"]) == (state, len(slow.trained))
    if state == "infeasible":
        assert outcome.result["gaps"][0]["constraint"] == LATENCY
        assert outcome.result["nearest"]["values"][LATENCY] > most
