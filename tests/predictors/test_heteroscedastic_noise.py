"""Noise that depends on what is predicted: found where labels show it, even where they do not."""

import numpy as np

from predictors.gaussian_processes.conditioned import TREND, ConditionedGp
from predictors.gaussian_processes.heteroscedastic_noise import FROM, JITTER, Noise
from predictors.gaussian_processes.matern import matern
from predictors.gaussian_processes.posterior import Posterior

THETA = np.array([0.0, 0.0, -3.0])


def line(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, 1) and a smooth function of them with noise that is ten times stronger above zero."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.5, 1.5, size=(count, 1))
    return x, x[:, 0] + rng.normal(size=count) * np.where(x[:, 0] > 0, 0.5, 0.05)


def evenly(x: np.ndarray, labels: np.ndarray) -> Posterior:
    """With the same noise everywhere."""
    return Posterior.of(matern(x, x) + TREND, labels, np.exp(THETA[-1]) + JITTER)


def test_noise_follows_what_is_predicted_and_weighs_labels_by_it():
    x, labels = line(400)
    process = ConditionedGp.of(x, labels, THETA)
    low, high = np.sqrt(process.noise(np.array([-1.0, 1.0])))
    assert 0.4 < high < 0.6 and low < 0.15
    ends = process.noise(np.array([-99.0, 99.0])).tolist()
    assert ends == [process.noise.variances[0], process.noise.variances[-1]]
    grid = np.linspace(-1.4, 1.4, 57)[:, None]
    even = (matern(grid, x) + TREND) @ evenly(x, labels).weights
    errors = [np.abs(found - grid[:, 0]) for found in (process.mean(grid), even)]
    assert errors[0].mean() < errors[1].mean()


def test_few_labels_have_even_noise():
    x, labels = line(FROM - 1)
    process = ConditionedGp.of(x, labels, THETA)
    np.testing.assert_allclose(process.posterior.weights, evenly(x, labels).weights, rtol=1e-9)
    np.testing.assert_allclose(process.noise(np.array([-1.0, 0.0, 1.0])), np.exp(THETA[-1]))


def test_even_noise_is_found_even():
    rng = np.random.default_rng(1)
    noise = Noise.of(rng.normal(size=2000), rng.chisquare(1, size=2000), 1.0)
    inner = np.abs(noise.knots) < 1.5
    assert np.ptp(noise.variances[inner]) < 0.5
