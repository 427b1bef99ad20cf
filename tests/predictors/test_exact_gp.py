"""Exact Gaussian processes: the kernel and the marginals against the libraries' own, fantasies,
hyperparameters.
"""

import numpy as np
import torch
from botorch.fit import fit_gpytorch_mll
from gpytorch.kernels import MaternKernel
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.settings import fast_pred_var

from predictors.gaussian_processes import exact_gp as module
from predictors.gaussian_processes.exact_gp import exact_gp, fit_hyperparameters, marginals, with_fantasies
from predictors.gaussian_processes.grouped_matern import GroupedMatern, Groups

GROUPS = Groups((3, 2), (0.3, -0.2))
THETA = np.array([0.3, -0.2, 0.1, -2.0])


def problem() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (17, 5), labels (17,), candidates (23, 5)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(17, 5)), rng.normal(size=17), rng.normal(size=(23, 5))


def test_one_group_is_gpytorchs_matern() -> None:
    x, _, z = (torch.from_numpy(part) for part in problem())
    ours, theirs = GroupedMatern(Groups((5,), (0.4,))), MaternKernel(nu=2.5).double()
    theirs.lengthscale = np.exp(0.4)
    with torch.no_grad():
        torch.testing.assert_close(ours(x, z).to_dense(), theirs(x, z).to_dense(), atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(ours(x, x, diag=True), torch.ones(17, dtype=torch.double))


def test_groups_are_matern_kernels_with_tied_lengthscales() -> None:
    x, _, z = (torch.from_numpy(part) for part in problem())
    theirs = MaternKernel(nu=2.5, ard_num_dims=5).double()
    theirs.lengthscale = torch.tensor(np.exp([0.3, 0.3, 0.3, -0.2, -0.2]))
    with torch.no_grad():
        ours = GroupedMatern(GROUPS)(x, z).to_dense()
        torch.testing.assert_close(ours, theirs(x, z).to_dense(), atol=1e-6, rtol=1e-6)


def test_marginals_are_the_posteriors() -> None:
    x, y, z = problem()
    model = exact_gp(x, y, GROUPS, THETA)
    for each in (model, with_fantasies(model, z[:2])):
        for noise in (False, True):
            mean, variance = marginals(each, z, observation_noise=noise)
            with torch.no_grad(), fast_pred_var():
                expected = each.posterior(torch.from_numpy(z), observation_noise=noise)
            np.testing.assert_allclose(mean, expected.mean[:, 0], atol=1e-9)
            np.testing.assert_allclose(variance, expected.variance[:, 0], atol=1e-9)


def test_marginals_are_the_textbooks() -> None:
    """Rasmussen & Williams 2006, eq. 2.25 and 2.26."""
    x, y, z = problem()
    scale = np.exp(-np.repeat(THETA[:2], GROUPS.sizes))

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        r = np.sqrt(5 * (((a[:, None] - b) * scale) ** 2).sum(axis=2))
        return np.exp(THETA[2]) * (1 + r + r**2 / 3) * np.exp(-r) + 1.0

    inverse = np.linalg.inv(kernel(x, x) + np.exp(THETA[3]) * np.eye(len(x)))
    cross = kernel(z, x)
    mean, variance = marginals(exact_gp(x, y, GROUPS, THETA), z, observation_noise=False)
    np.testing.assert_allclose(mean, cross @ inverse @ y, atol=1e-4)
    np.testing.assert_allclose(
        variance, np.exp(THETA[2]) + 1.0 - ((cross @ inverse) * cross).sum(axis=1), atol=1e-4
    )


def test_fantasies_move_no_mean() -> None:
    x, y, z = problem()
    model = exact_gp(x, y, GROUPS, THETA)
    before, after = marginals(model, z), marginals(with_fantasies(model, z[3:4]), z)
    np.testing.assert_allclose(after[0], before[0], atol=1e-9)
    assert (after[1] <= before[1] + 1e-9).all() and after[1][3] < 0.5 * before[1][3]
    assert with_fantasies(model, z[:0]) is model


def test_hyperparameters_are_found_and_found_again() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 5))
    y = np.sin(x[:, 0]) + 0.05 * rng.normal(size=80)
    found = fit_hyperparameters(x, y, GROUPS, iterations=40)
    assert (found == fit_hyperparameters(x, y, GROUPS, iterations=40)).all()
    assert found[1] > found[0], "the second group says nothing, so its lengthscale grows"
    assert found[-1] < -3


def test_the_quick_likelihood_is_gpytorchs_and_so_is_its_gradient() -> None:
    x, y, _ = problem()
    found = []
    for likelihood in (ExactMarginalLogLikelihood, module._DenseMarginalLogLikelihood):
        model = module._model(x, y, GROUPS, None).train()
        mll = likelihood(model.likelihood, model)
        value = mll(model(*model.train_inputs), model.train_targets)
        value.backward()
        found.append(
            [value, *(parameter.grad for parameter in model.parameters() if parameter.requires_grad)]
        )
    assert len(found[0]) == 4  # the value, lengthscales, signal variance, noise variance
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-7)


def test_the_kernel_of_a_fit_is_the_kernel_of_a_prediction() -> None:
    """Distances within groups are computed once while lengthscales are fitted."""
    x = torch.from_numpy(problem()[0])
    kernel = GroupedMatern(GROUPS).train()
    assert kernel._within is None
    fitting = kernel(x).to_dense()
    assert kernel._within is not None
    with torch.no_grad():
        torch.testing.assert_close(fitting, GroupedMatern(GROUPS).eval()(x).to_dense(), atol=1e-9, rtol=1e-9)
    fitting.sum().backward()
    assert kernel.log_lengthscale.grad.isfinite().all()


def test_hyperparameters_are_those_that_botorch_finds() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5))
    y = np.sin(x[:, 0]) + 0.3 * rng.normal(size=60)
    model = module._model(x, y, GROUPS, None)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    signal = model.requires_grad_(False).covar_module.kernels[0]
    expected = [*signal.base_kernel.log_lengthscale, signal.outputscale.log(), model.likelihood.noise.log()]
    found = fit_hyperparameters(x, y, GROUPS, iterations=40)
    np.testing.assert_allclose(found, [float(value) for value in expected], atol=2e-3)
