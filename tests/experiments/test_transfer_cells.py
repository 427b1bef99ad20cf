"""What joins other tasks' tale to measurements of a task alike."""

import numpy as np
from scipy.stats import spearmanr

from experiments.transfer_cells import beside_measured


def test_a_tale_that_agrees_with_no_measurement_gets_no_weight() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    first, second = truth + 0.1 * rng.normal(size=(2, 4000))
    score = beside_measured(rng.normal(size=4000), first, second)
    assert spearmanr(score, truth).statistic > 0.99


def test_a_tale_that_agrees_better_than_a_measurement_gets_the_weight() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    first, second = truth + 2.0 * rng.normal(size=(2, 4000))
    score = beside_measured(truth + 0.1 * rng.normal(size=4000), first, second)
    assert spearmanr(score, truth).statistic > 0.9
