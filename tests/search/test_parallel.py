"""The loop with a pool: the budget is kept, nothing is evaluated twice, a successor waits for the same."""

import numpy as np
import pytest

from search.evaluator import Evaluator, Stopped
from search.run.loop import run
from search.strategies.random import RandomStrategy
from search.testing.strategies import completed, problem
from spaces.metric import Observation


class OwnWork(Evaluator):
    """Measures by the test's formula, and asks whether to stop meanwhile, as a training does."""

    source = "test"

    def __init__(self, about, steps=4):
        self.about, self.steps, self.seen = about, steps, []

    def evaluate(self, architecture, should_stop):
        for _ in range(self.steps):
            if should_stop():
                raise Stopped
        self.seen.append(architecture)
        return completed(self.about, [architecture])[0].observation


class MemoryEvaluationPool:
    """Ends what was handed out after a number of looks; the last ones are never begun."""

    def __init__(self, about, looks=3, begins=True):
        self.about, self.looks, self.begins = about, looks, begins
        self.left, self.handed = {}, []

    def waiting(self):
        return list(self.left)

    def hand_out(self, architecture):
        self.handed.append(architecture)
        self.left[architecture] = self.looks

    def collect(self):
        if not self.begins:
            return []
        self.left = {architecture: looks - 1 for architecture, looks in self.left.items()}
        ended = [architecture for architecture, looks in self.left.items() if looks <= 0]
        for architecture in ended:
            del self.left[architecture]
        return [completed(self.about, [architecture])[0].observation for architecture in ended]

    def take_back(self):
        return self.left.popitem()[0] if self.left and not self.begins else None


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr("search.run.loop.POOL_SECONDS", 0.0)


@pytest.mark.parametrize(("budget", "parallel"), [(7, 3), (2, 4), (1, 2), (12, 2)])
def test_the_budget_is_kept_and_nothing_is_done_twice(budget, parallel):
    about = problem()
    own, pool, events = OwnWork(about), MemoryEvaluationPool(about), []
    seen = run(RandomStrategy(about), own, budget, on_event=events.append, pool=pool, parallel=parallel)
    names = [observation.architecture for observation in seen]
    assert len(names) == len(set(names)) == budget
    assert sorted(own.seen + pool.handed) == sorted(names) and own.seen
    assert [event.done for event in events] == list(range(1, budget + 1))
    assert bool(pool.handed) == (budget > 1)


def test_what_nobody_begins_is_taken_back():
    about = problem()
    own, pool = OwnWork(about), MemoryEvaluationPool(about, begins=False)
    seen = run(RandomStrategy(about), own, 6, pool=pool, parallel=3)
    assert len(seen) == 6 and sorted(own.seen) == sorted({observation.architecture for observation in seen})


def test_a_successor_waits_for_what_was_handed_out():
    about = problem()
    own, pool = OwnWork(about), MemoryEvaluationPool(about, looks=5)
    asked = iter(range(100))
    with pytest.raises(Stopped):
        run(RandomStrategy(about), own, 6, pool=pool, parallel=3, should_stop=lambda: next(asked) > 2)
    handed = list(pool.handed)
    assert len(handed) >= 2
    events = []
    seen = run(RandomStrategy(about), OwnWork(about), 6, on_event=events.append, pool=pool, parallel=3)
    assert len(seen) == 6 and {*handed} <= {observation.architecture for observation in seen}


def test_a_failed_evaluation_of_the_pool_is_an_observation():
    about = problem()

    class Failing(MemoryEvaluationPool):
        def collect(self):
            return [
                Observation(observation.architecture, {}, "test", failed="no memory")
                for observation in super().collect()
            ]

    pool = Failing(about)
    seen = run(RandomStrategy(about), OwnWork(about), 5, pool=pool, parallel=2)
    failed = [observation.architecture for observation in seen if observation.failed is not None]
    assert len(seen) == 5 and failed == pool.handed


def test_what_was_begun_is_the_first_of_a_successor_and_counts_once():
    about = problem()
    begun = about.space.format(about.space.sample(1, np.random.default_rng(5)))[0]
    own = OwnWork(about)
    seen = run(RandomStrategy(about), own, 4, pool=MemoryEvaluationPool(about), parallel=2, unfinished=begun)
    assert own.seen[0] == begun and len({observation.architecture for observation in seen}) == 4
    again = run(RandomStrategy(about), own, 4, stored=seen, unfinished=begun)
    assert again == seen
