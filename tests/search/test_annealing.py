"""The annealing walk does not revise what it decided."""

from itertools import pairwise

import numpy as np

from search.strategies.annealing import INITIAL, AnnealingStrategy
from search.testing.strategies import completed, problem


def test_each_trial_only_decides_whether_the_walk_steps_onto_it():
    about = problem()
    codes = about.space.sample(120, np.random.default_rng(0))
    trials = completed(about, about.space.format(np.unique(codes, axis=0)))
    order = np.random.default_rng(1).permutation(len(trials))
    strategy = AnnealingStrategy(about, seed=3)
    strategy.observe([trials[row] for row in order[:INITIAL]])
    stands = [strategy._stand()]
    for row in order[INITIAL:]:
        strategy.observe([trials[row]])
        stands.append(strategy._stand())
    for step, (before, after) in enumerate(pairwise(stands)):
        assert after in (before, INITIAL + step)
    assert 3 < len(set(stands)) < len(stands)
