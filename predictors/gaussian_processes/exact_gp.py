r"""Exact Gaussian processes of few labels: BoTorch models with :class:`.GroupedMatern` as their kernel.

.. math:: y = c + f(x) + \varepsilon, \qquad c \sim \mathcal{N}(0, 1), \quad
          f \sim \mathcal{GP}(0, \sigma^2 k), \quad \varepsilon \sim \mathcal{N}(0, \sigma_n^2)

for labels that are normal scores. The constant c is marginalized: it is the constant term of the kernel. The
hyperparameters are those of the greatest posterior probability (Rasmussen & Williams 2006, ch. 5), kept as
:math:`\theta = (\lambda_1, …, \lambda_g, \log\sigma^2, \log\sigma_n^2)`.

Notation: n labels, c candidates, f columns, g groups.
"""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from botorch.exceptions.warnings import InputDataWarning, OptimizationWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from gpytorch.constraints import GreaterThan, Positive
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import ConstantKernel, ScaleKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood
from gpytorch.means import ZeroMean
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.priors import NormalPrior
from gpytorch.settings import fast_pred_var, max_cholesky_size
from linear_operator.utils.cholesky import psd_safe_cholesky
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from encoders.threads import fixed_threads
from predictors.gaussian_processes.conditioned import TREND
from predictors.gaussian_processes.grouped_matern import GroupedMatern, Groups
from predictors.gaussian_processes.heteroscedastic_noise import JITTER
from spaces.space import Floats

ITERATIONS = 40
"""Steps of a predictor's fit at most."""
LOG_VARIANCE = (0.0, 2.0)
"""Mean and standard deviation of the normal prior of the log signal variance."""
LOG_NOISE = (-3.0, 2.0)
"""The same of the log noise variance."""
CHUNK = 1024
"""Candidates whose marginals are computed together."""
JOINT_CHUNK = 256
"""The same of a model whose posterior computes the covariances among them too."""
EXACT_UP_TO = 10_000
"""Labels up to which GPyTorch factorizes by Cholesky; beyond its default of 800 it approximates."""

Matrix = Floats | NDArray[np.float32]
"""Inputs (c, f) of either precision; computed with in double precision."""


def exact_gp(
    x: Floats, y: Floats, groups: Groups, theta: Floats, noise: Floats | None = None
) -> SingleTaskGP:
    """The posterior process at given hyperparameters.

    Args:
        x: inputs (n, f).
        y: labels (n,), normal scores.
        groups: of the inputs' columns.
        theta: hyperparameters (g + 2,).
        noise: noise variance of each label (n,), in place of the one in ``theta``.
    """
    model = _model(x, y, groups, noise)
    signal = model.covar_module.kernels[0]
    with torch.no_grad():
        signal.base_kernel.log_lengthscale.copy_(as_tensor(theta[:-2]))
        signal.outputscale = float(np.exp(theta[-2]))
        if noise is None:
            model.likelihood.noise = max(float(np.exp(theta[-1])), JITTER) + JITTER
    model.requires_grad_(False)
    return model.eval()


@fixed_threads()
def fit_hyperparameters(x: Floats, y: Floats, groups: Groups, *, iterations: int) -> Floats:
    """Hyperparameters (g + 2,) of the greatest posterior probability, by at most ``iterations`` steps.

    Args:
        x: inputs (n, f).
        y: labels (n,), normal scores.
        groups: of the inputs' columns.
        iterations: of L-BFGS-B, from the priors' means.
    """
    model = _model(x, y, groups, None)
    mll = _DenseMarginalLogLikelihood(model.likelihood, model)
    with warnings.catch_warnings(), max_cholesky_size(EXACT_UP_TO):
        # A limit of steps is meant; a second attempt would begin at random.
        warnings.simplefilter("ignore", OptimizationWarning)
        fit_gpytorch_mll(
            mll,
            optimizer_kwargs={"options": {"maxiter": iterations}},
            max_attempts=1,
            warning_handler=lambda _: True,
        )
    signal = model.covar_module.kernels[0]
    found = [
        signal.base_kernel.log_lengthscale.detach(),
        signal.outputscale.detach().log().reshape(1),
        model.likelihood.noise.detach().log().reshape(1),
    ]
    result: Floats = torch.cat(found).numpy().copy()
    return result


def fit_groups(groups: Sequence[Floats], y: Floats, log_lengthscales: Sequence[float]) -> Floats:
    """Hyperparameters (g + 2,) of a predictor.

    Args:
        groups: of features, one (n, f_g) array a group.
        y: labels (n,), normal scores.
        log_lengthscales: prior mean of each group's, (g,).
    """
    columns = Groups.of([x.shape[1] for x in groups], log_lengthscales)
    return fit_hyperparameters(np.concatenate(groups, axis=1), y, columns, iterations=ITERATIONS)


class _DenseMarginalLogLikelihood(ExactMarginalLogLikelihood):  # type: ignore[misc]
    """The same value, differentiated by the inverse covariance (Rasmussen & Williams 2006, eq. 5.9): a third
    of the time that the derivative of a Cholesky factor takes.
    """

    def forward(
        self, function_dist: MultivariateNormal, target: Tensor, *params: Any, **kwargs: Any
    ) -> Tensor:
        """The log posterior density of the hyperparameters, up to a constant, over the number of labels."""
        output = self.likelihood(function_dist, *params, **kwargs)
        density = _LogDensity.apply(output.covariance_matrix, target - output.mean)  # type: ignore[no-untyped-call]
        result: Tensor = self._add_other_terms(density, params) / len(target)
        return result


class _LogDensity(torch.autograd.Function):
    """Log density of residuals (n,) under a normal distribution of covariance (n, n)."""

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, residuals: Tensor) -> Tensor:
        factor = psd_safe_cholesky(covariance)
        inverse = torch.cholesky_inverse(factor)
        weights = inverse @ residuals
        ctx.save_for_backward(inverse, weights)
        log_determinant = 2 * factor.diagonal().log().sum()
        constant = len(residuals) * math.log(2 * math.pi)
        density: Tensor = -0.5 * (residuals @ weights + log_determinant + constant)
        return density

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        inverse, weights = ctx.saved_tensors
        slope = torch.outer(weights, weights).sub_(inverse).mul_(0.5 * gradients[0])
        return slope, -gradients[0] * weights


def marginals(model: Model, x: Matrix, *, observation_noise: bool = True) -> tuple[Floats, Floats]:
    """Posterior means and variances (c,) of any BoTorch model of one output, a chunk of candidates at a time.

    Args:
        model: fitted.
        x: inputs (c, f).
        observation_noise: whether the variance is of what an evaluation would bring.
    """
    compute = _exact_marginals if isinstance(model, _ExactGP) else _posterior_marginals
    chunk = CHUNK if isinstance(model, _ExactGP) else JOINT_CHUNK
    means, variances = np.empty(len(x)), np.empty(len(x))
    with torch.no_grad(), fast_pred_var(), max_cholesky_size(EXACT_UP_TO):
        for start in range(0, len(x), chunk):
            part = slice(start, start + chunk)
            inputs = as_tensor(x[part])
            mean, variance = compute(model, inputs, observation_noise)
            means[part], variances[part] = mean.numpy(), variance.clamp_min(1e-12).numpy()
    return means, variances


def with_fantasies(model: Model, x: Matrix) -> Model:
    """The model as if inputs (w, f) had come out at their posterior means (Ginsbourger et al. 2010, "kriging
    believer"): means stay, variances fall.
    """
    if not len(x):
        return model
    inputs = as_tensor(x)
    with torch.no_grad(), fast_pred_var(), max_cholesky_size(EXACT_UP_TO):
        outcomes = model.posterior(inputs).mean
        likelihood = getattr(model, "likelihood", None)
        if isinstance(likelihood, FixedNoiseGaussianLikelihood):  # a fantasy has the noise of the usual label
            noise = likelihood.noise.mean().expand_as(outcomes).clone()
            return model.condition_on_observations(inputs, outcomes, noise=noise)
        return model.condition_on_observations(inputs, outcomes)


class _ExactGP(SingleTaskGP):  # type: ignore[misc]
    """Without transforms, so that the caches of GPyTorch's prediction strategy give the marginals."""


def _exact_marginals(model: _ExactGP, x: Tensor, observation_noise: bool) -> tuple[Tensor, Tensor]:
    """Means and variances (c,) from GPyTorch's caches; its posterior also evaluates the covariances among the
    candidates, which is most of its time.
    """
    if model.prediction_strategy is None:
        model.posterior(x[:1])  # makes the strategy
    strategy = model.prediction_strategy
    cross = model.covar_module(x, model.train_inputs[0]).to_dense()  # (c, n)
    mean = model.mean_module(x) + cross @ strategy.mean_cache
    prior = model.covar_module(x, diag=True)
    variance = prior - (cross @ strategy.covar_cache).square().sum(dim=-1)
    return mean, variance + model.likelihood.noise.mean() if observation_noise else variance


def _posterior_marginals(model: Model, x: Tensor, observation_noise: bool) -> tuple[Tensor, Tensor]:
    """The same of any model."""
    posterior = model.posterior(x, observation_noise=observation_noise)
    return posterior.mean[..., 0], posterior.variance[..., 0]


def _model(x: Floats, y: Floats, groups: Groups, noise: Floats | None) -> SingleTaskGP:
    signal = ScaleKernel(GroupedMatern(groups))
    signal.register_prior("log_variance_prior", _normal(LOG_VARIANCE), lambda m: m.outputscale.log())
    signal.outputscale = float(np.exp(LOG_VARIANCE[0]))
    trend = ConstantKernel(constant_constraint=Positive())
    trend.initialize(constant=torch.tensor(TREND, dtype=torch.double))
    trend.raw_constant.requires_grad_(False)
    if noise is None:
        likelihood = GaussianLikelihood(noise_constraint=GreaterThan(JITTER))
        likelihood.register_prior("log_noise_prior", _normal(LOG_NOISE), lambda m: m.noise.log())
        likelihood.noise = float(np.exp(LOG_NOISE[0]))
    else:
        likelihood = FixedNoiseGaussianLikelihood(as_tensor(noise) + JITTER)
    with warnings.catch_warnings():
        # Normal scores have no outliers to standardize away, and inputs are standardized over their space.
        warnings.simplefilter("ignore", InputDataWarning)
        model = _ExactGP(
            as_tensor(x),
            as_tensor(y)[:, None],
            likelihood=likelihood,
            covar_module=signal + trend,
            mean_module=ZeroMean(),
            outcome_transform=None,
            input_transform=None,
        )
    return model.double()


def _normal(mean_and_std: tuple[float, float]) -> NormalPrior:
    mean, std = (torch.tensor(value, dtype=torch.double) for value in mean_and_std)
    return NormalPrior(mean, std)


def as_tensor(values: Matrix) -> Tensor:
    """The numbers in double precision; shares memory with an array of that precision."""
    return torch.from_numpy(np.asarray(values, dtype=np.float64))
