"""Posteriors as arrays are those of GPyTorch's kernel and BoTorch's model at the same hyperparameters."""

import numpy as np
import pytest
import torch
from botorch.cross_validation import efficient_loo_cv
from botorch.models import SingleTaskGP

from predictors.gaussian_processes.conditioned import ConditionedGp
from predictors.gaussian_processes.exact_gp import exact_gp, fit_groups, fit_hyperparameters, marginals
from predictors.gaussian_processes.grouped_matern import GroupedMatern, Groups
from predictors.gaussian_processes.heteroscedastic_noise import FROM, ROUNDS, Noise
from predictors.gaussian_processes.matern import matern, scaled
from predictors.gaussian_processes.posterior import Posterior

GROUPS = Groups((3, 2), (0.3, -0.2))
THETA = np.array([0.3, -0.2, 0.1, -2.0])
COUNTS = pytest.mark.parametrize("count", [17, FROM + 19])
"""Labels of even noise, and labels that show how it varies."""


def problem(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (n, 5) with noisier labels (n,) where the first is positive, and candidates (700, 5)."""
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(count, 5)), rng.normal(size=(700, 5))
    return x, x[:, 0] + rng.normal(size=count) * np.where(x[:, 0] > 0, 0.5, 0.05), z


def split(x: np.ndarray) -> np.ndarray:
    """Its groups, divided by their lengthscales."""
    return scaled(np.split(x, [3], axis=1), THETA[:2])


def botorchs(x: np.ndarray, labels: np.ndarray) -> tuple[SingleTaskGP, Noise]:
    """BoTorch's model with the noise that BoTorch's own leave-one-out values show."""
    usual = float(np.exp(THETA[-1]))
    noise, variances = Noise.even(usual), np.full(len(labels), usual)
    for _ in range(ROUNDS if len(labels) >= FROM else 0):
        mean, variance = left_out(exact_gp(x, labels, GROUPS, THETA, variances))
        noise = Noise.of(mean, (labels - mean) ** 2 - (variance - variances), usual)
        variances = noise(mean)
    return exact_gp(x, labels, GROUPS, THETA, variances), noise


def left_out(model: SingleTaskGP) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance (n,) at each label without it."""
    posterior = efficient_loo_cv(model).posterior
    return posterior.mean.numpy().ravel(), posterior.variance.numpy().ravel()


def test_the_kernel_is_gpytorchs() -> None:
    x, _, z = problem(17)
    with torch.no_grad():
        expected = GroupedMatern(GROUPS)(torch.from_numpy(z), torch.from_numpy(x)).to_dense().numpy()
    np.testing.assert_allclose(matern(split(z), split(x)), expected, atol=1e-9)
    np.testing.assert_allclose(np.diag(matern(split(x), split(x))), 1.0, atol=1e-6)


@COUNTS
def test_predictions_are_botorchs(count: int) -> None:
    x, labels, z = problem(count)
    ours, (theirs, noise) = ConditionedGp.of(split(x), labels, THETA), botorchs(x, labels)
    mean, variance = ours.marginals(split(z))
    expected, spread = marginals(theirs, z, observation_noise=False)
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    np.testing.assert_allclose(ours.mean(split(z)), expected, atol=1e-6)
    np.testing.assert_allclose(variance, spread + noise(expected), atol=1e-6)
    assert (len(noise.knots) > 1) == (count >= FROM)


@COUNTS
def test_leave_one_out_values_are_botorchs(count: int) -> None:
    x, labels, _ = problem(count)
    errors, std = ConditionedGp.of(split(x), labels, THETA).posterior.leave_one_out()
    mean, variance = left_out(botorchs(x, labels)[0])
    np.testing.assert_allclose(labels - errors, mean, atol=1e-6)
    np.testing.assert_allclose(std**2, variance, rtol=1e-6)


def test_leaving_one_out_is_learning_without_it() -> None:
    x, labels, _ = problem(17)
    errors, std = ConditionedGp.of(split(x), labels, THETA).posterior.leave_one_out()
    mean, variance = ConditionedGp.of(split(x[1:]), labels[1:], THETA).marginals(split(x[:1]))
    assert labels[0] - mean[0] == pytest.approx(errors[0], abs=1e-8)
    assert variance[0] == pytest.approx(std[0] ** 2, rel=1e-4)


def test_groups_are_fitted_as_their_columns_are() -> None:
    x, labels, _ = problem(40)
    found = fit_groups(np.split(x, [3], axis=1), labels, [0.3, -0.2])
    assert (found == fit_hyperparameters(x, labels, GROUPS, iterations=40)).all()


def test_one_candidate_and_none() -> None:
    x, labels, z = problem(17)
    ours = ConditionedGp.of(split(x), labels, THETA)
    np.testing.assert_allclose(ours.mean(split(z[:1])), ours.mean(split(z))[:1], atol=1e-9)
    assert ours.mean(split(z[:0])).shape == ours.marginals(split(z[:0]))[1].shape == (0,)


def test_covariances_that_are_none_are_refused() -> None:
    with pytest.raises(np.linalg.LinAlgError):
        Posterior.of(np.array([[1.0, 2.0], [2.0, 1.0]]), np.zeros(2), 1e-6)
