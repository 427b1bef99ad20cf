"""Noise that depends on what is predicted: found where labels tell it, even where they do not."""

import numpy as np

from predictors.gaussian_processes.heteroscedastic_noise import FROM, Noise, condition
from predictors.gaussian_processes.matern_kernel import condition as condition_evenly
from predictors.gaussian_processes.matern_kernel import kernel, scaled_distances

THETA = np.array([0.0, 0.0, -3.0])


def line(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, 1) and a smooth function of them with noise that is ten times stronger above zero."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.5, 1.5, size=(count, 1))
    return x, x[:, 0] + rng.normal(size=count) * np.where(x[:, 0] > 0, 0.5, 0.05)


def test_noise_follows_what_is_predicted_and_weighs_labels_by_it():
    x, labels = line(400)
    squared = scaled_distances([x], [x], THETA)
    posterior, noise = condition(squared, labels, THETA)
    low, high = np.sqrt(noise(np.array([-1.0, 1.0])))
    assert 0.4 < high < 0.6 and low < 0.15
    assert noise(np.array([-99.0, 99.0])).tolist() == [noise.variances[0], noise.variances[-1]]
    grid = np.linspace(-1.4, 1.4, 57)[:, None]
    cross = kernel(scaled_distances([grid], [x], THETA), THETA)
    even = condition_evenly(squared, labels, THETA)
    errors = [np.abs(cross @ found.weights - grid[:, 0]) for found in (posterior, even)]
    assert errors[0].mean() < errors[1].mean()


def test_few_labels_have_even_noise():
    x, labels = line(FROM - 1)
    squared = scaled_distances([x], [x], THETA)
    posterior, noise = condition(squared, labels, THETA)
    np.testing.assert_array_equal(posterior.weights, condition_evenly(squared, labels, THETA).weights)
    np.testing.assert_allclose(noise(np.array([-1.0, 0.0, 1.0])), np.exp(THETA[-1]))


def test_even_noise_is_found_even():
    rng = np.random.default_rng(1)
    noise = Noise.of(rng.normal(size=2000), rng.chisquare(1, size=2000), 1.0)
    inner = np.abs(noise.knots) < 1.5
    assert np.ptp(noise.variances[inner]) < 0.5
