r"""Posterior of a quantity from the functions of other data sets and the observations of this one.

With standardized functions :math:`u_r(a)` of other data sets (:mod:`predictors.transfer.graph_tasks`) the
model is

.. math:: y(a) = o + c\Bigl(m\,\mu(a) + \sum_r w_r u_r(a) + g(a) + \varepsilon\Bigr), \qquad
          w_r \sim \mathcal{N}(0, \tau^2), \quad g \sim \mathcal{GP}(0, \sigma^2 k)

where :math:`\mu` is the mean of the functions, weighted by how alike the data sets are, and k is
:class:`.GroupedMatern` over positional features. It is a BoTorch model with a linear, a Matérn and a constant
kernel, whose mean is the input's last column. The scale c is the likeliest of a grid.

Notation: c candidates, n observations, r functions, f features.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from botorch.models import SingleTaskGP
from gpytorch.kernels import ConstantKernel, LinearKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import Mean
from torch import Tensor

from predictors.gaussian_processes.exact_gp import as_tensor, marginals, with_fantasies
from predictors.gaussian_processes.grouped_matern import GroupedMatern, Groups
from search.bo.tabulated import log_expected_improvement
from spaces.space import Floats

PRIOR = 0.5
"""The factor m of the weighted mean."""
SOURCES = 0.12
"""Standard deviation τ of a function's weight."""
OWN = 0.8
"""Standard deviation σ of what is the data set's own."""
NOISE = 0.4
"""Standard deviation of ε."""
LEVEL = 25.0
"""Variance of the level o, in units of c."""
SCALES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4, 3.2)
SCALE = 0.5
"""Median of the log-normal prior of c, whose log has standard deviation 1."""


class SourcePosterior:
    """The posterior over candidates, and what evaluating them is expected to gain.

    Args:
        functions: u at the candidates, (c, r).
        mean: the weighted mean μ at the candidates, (c,), of standard deviation 1.
        looks: features of the candidates, divided by their lengthscales, (c, f).
        rows: candidates that were observed, (n,).
        values: observed, more is better, (n,).
    """

    def __init__(
        self, functions: Floats, mean: Floats, looks: Floats, rows: Sequence[int], values: Floats
    ) -> None:
        self.inputs: Floats = np.column_stack([functions, looks, PRIOR * mean])
        self.values = values
        self.level = float(values.mean()) if len(values) else 0.0
        self.sizes = functions.shape[1], looks.shape[1]
        self.rows = list(rows)
        self.scale = self._likeliest_scale()
        self.model = self._model(self.scale) if len(values) else None

    def gain(self, fantasies: Sequence[int]) -> Floats:
        """Log expected improvement (c,); some candidates are fantasies at their posterior means.

        Without observations: the prior mean, later in a batch its upper confidence bound.
        """
        prior: Floats = self.inputs[:, -1]
        if self.model is None and not fantasies:
            return prior
        if self.model is None:
            model = self._model(1.0, list(fantasies), prior[list(fantasies)])
            return prior + np.sqrt(marginals(model, self.inputs, observation_noise=False)[1])
        model = with_fantasies(self.model, self.inputs[list(fantasies)])
        mean, variance = marginals(model, self.inputs, observation_noise=False)
        best = (float(self.values.max()) - self.level) / self.scale
        # In units of the scale: the same order, and the same log up to a constant.
        return log_expected_improvement(mean, np.sqrt(variance), best)

    def _likeliest_scale(self) -> float:
        """The scale of greatest posterior probability."""
        if len(self.values) < 2:
            return SCALE
        model = self._model(1.0).train()
        with torch.no_grad():
            prior = model.likelihood(model.forward(model.train_inputs[0]))
            losses = [
                len(self.values) * np.log(scale)
                - float(prior.log_prob(as_tensor((self.values - self.level) / scale)))
                + 0.5 * np.log(scale / SCALE) ** 2
                for scale in SCALES
            ]
        return SCALES[int(np.argmin(losses))]

    def _model(
        self, scale: float, rows: Sequence[int] | None = None, labels: Floats | None = None
    ) -> SingleTaskGP:
        """The model in units of a scale; by default of the observations."""
        if rows is None or labels is None:
            rows, labels = self.rows, (self.values - self.level) / scale
        likelihood = GaussianLikelihood()
        likelihood.noise = NOISE**2
        model = SingleTaskGP(
            as_tensor(self.inputs[list(rows)]),
            as_tensor(labels)[:, None],
            likelihood=likelihood,
            covar_module=self._kernel(),
            mean_module=_LastColumn(),
            outcome_transform=None,
            input_transform=None,
        ).double()
        model.requires_grad_(False)
        return model.eval()

    def _kernel(self) -> Any:
        functions, looks = self.sizes
        linear = LinearKernel(active_dims=tuple(range(functions)))
        linear.variance = SOURCES**2
        own = ScaleKernel(
            GroupedMatern(Groups((looks,), (0.0,)), active_dims=tuple(range(functions, functions + looks)))
        )
        own.outputscale = OWN**2
        level = ConstantKernel()
        level.initialize(constant=torch.tensor(LEVEL))
        return linear + own + level


class _LastColumn(Mean):  # type: ignore[misc]
    """The prior mean stands in the last column of the input."""

    def forward(self, x: Tensor) -> Tensor:
        """Means (…, n) of inputs (…, n, f)."""
        return x[..., -1]
