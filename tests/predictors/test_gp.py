"""The Gaussian process: its algebra against GPyTorch's, and what it knows of equal functions."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from predictors.gaussian_processes.matern_kernel import (
    JITTER,
    TREND,
    _negative_log_likelihood,
    condition,
    distances,
    kernel,
    most_likely,
    scaled_distances,
)
from predictors.kinds.gp import GpPredictor
from spaces.space import get_space

THETA = np.array([0.3, -0.2, 0.1, -2.0])


def problem() -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    return (
        [rng.normal(size=(17, 3)), rng.normal(size=(17, 2))],
        [rng.normal(size=(5, 3)), rng.normal(size=(5, 2))],
        rng.normal(size=17),
    )


def test_posterior_equals_gpytorchs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import gpytorch
        import torch

        a, b, labels = problem()
        scaled = [
            torch.from_numpy(
                np.concatenate([x * np.exp(-log) for x, log in zip(part, THETA[:2], strict=True)], 1)
            )
            for part in (a, b)
        ]
        matern = gpytorch.kernels.MaternKernel(nu=2.5).double()
        matern.lengthscale = 1.0

        class Model(gpytorch.models.ExactGP):
            def __init__(self, likelihood: gpytorch.likelihoods.GaussianLikelihood) -> None:
                super().__init__(scaled[0], torch.from_numpy(labels), likelihood)

            def forward(self, x: torch.Tensor) -> gpytorch.distributions.MultivariateNormal:
                covariance = np.exp(THETA[2]) * matern(x).to_dense() + TREND
                return gpytorch.distributions.MultivariateNormal(torch.zeros(len(x)).double(), covariance)

        likelihood = gpytorch.likelihoods.GaussianLikelihood().double()
        likelihood.noise = np.exp(THETA[3]) + JITTER
        with torch.no_grad():
            expected = Model(likelihood).double().eval()(scaled[1])
            mean, variance = expected.mean.numpy(), expected.variance.numpy()
    posterior = condition(scaled_distances(a, a, THETA), labels, THETA)
    cross = kernel(scaled_distances(b, a, THETA), THETA)
    np.testing.assert_allclose(cross @ posterior.weights, mean, atol=1e-5)
    ours = np.exp(THETA[2]) + TREND - ((cross @ posterior.inverse) * cross).sum(axis=1)
    np.testing.assert_allclose(ours, variance, atol=1e-5)


def test_gradient_of_the_likelihood() -> None:
    a, _, labels = problem()
    squared = distances(a, a)
    numeric = approx_fprime(THETA, lambda theta: _negative_log_likelihood(squared, labels, theta)[0], 1e-6)
    np.testing.assert_allclose(
        _negative_log_likelihood(squared, labels, THETA)[1], numeric, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("count", [30, 120])
def test_hyperparameters_equal_botorchs(count: int) -> None:
    from predictors.gaussian_processes.exact_gp import fit_hyperparameters
    from predictors.gaussian_processes.grouped_matern import Groups

    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 5))
    labels = np.sin(x[:, 0]) + 0.3 * x[:, 3] + 0.1 * rng.normal(size=count)
    parts, centers = np.split(x, [3], axis=1), np.array([0.3, -0.2])
    found = most_likely(distances(parts, parts), labels, centers)
    expected = fit_hyperparameters(x, labels, Groups.of((3, 2), centers), iterations=40)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_leaving_one_out_equals_fitting_without_it() -> None:
    a, _, labels = problem()
    errors, _ = condition(scaled_distances(a, a, THETA), labels, THETA).leave_one_out()
    rest = [x[1:] for x in a]
    without = condition(scaled_distances(rest, rest, THETA), labels[1:], THETA)
    alone = kernel(scaled_distances([x[:1] for x in a], rest, THETA), THETA) @ without.weights
    np.testing.assert_allclose(labels[0] - alone[0], errors[0], atol=1e-8)


def test_members_that_compute_one_function_are_predicted_alike() -> None:
    space = get_space("nasbench201")
    codes = space.sample(60, np.random.default_rng(0))
    model = GpPredictor(space).fit(codes, np.arange(60.0))
    # A convolution that only zeros follow is dead.
    twins = space.parse_many(
        f"|nor_conv_3x3~0|+|{dead}~0|none~1|+|nor_conv_1x1~0|nor_conv_3x3~1|none~2|"
        for dead in ("none", "nor_conv_3x3", "avg_pool_3x3")
    )
    mean = model.predict(twins).mean
    np.testing.assert_allclose(mean, mean[0], rtol=1e-9)


def test_fitting_and_predicting_load_no_torch() -> None:
    code = """
import sys, numpy as np
from predictors.kinds.auto import AutoPredictor
from spaces.space import get_space
space = get_space("nasbench201")
codes = space.sample(20, np.random.default_rng(0))
AutoPredictor(space).fit(codes, np.arange(20.0)).predict(codes)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
