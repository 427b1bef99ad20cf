r"""Matérn kernel of smoothness 5/2 with one lengthscale for each group of input columns.

.. math:: k(a, b) = \bigl(1 + r + r^2/3\bigr) e^{-r}, \qquad
          r^2 = 5 \sum_g e^{-2 \lambda_g} \lVert a_g - b_g \rVert^2

(Rasmussen & Williams 2006, eq. 4.17.) Few lengthscales with a tight prior suit few labels: forty labels
cannot distinguish a hundred lengthscales.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from gpytorch.constraints import Interval
from gpytorch.kernels import Kernel
from gpytorch.priors import NormalPrior
from torch import Tensor
from torch.autograd.function import once_differentiable

LENGTHSCALE_STD = 0.4
"""Standard deviation of the normal prior of a log lengthscale."""
REACH = 4.0
"""A log lengthscale stays within so many standard deviations of its prior mean."""


@dataclass(frozen=True, slots=True)
class Groups:
    """How the columns of an input are grouped.

    Args:
        sizes: number of columns of each group, in their order, (g,).
        log_lengthscales: prior mean of each group's log lengthscale, (g,).
    """

    sizes: tuple[int, ...]
    log_lengthscales: tuple[float, ...]

    @classmethod
    def of(cls, sizes: Sequence[int], log_lengthscales: Sequence[float]) -> "Groups":
        """From any sequences, of numpy's numbers too."""
        return cls(tuple(map(int, sizes)), tuple(map(float, log_lengthscales)))

    def with_one(self, log_lengthscale: float) -> "Groups":
        """The same and one more group, of one column."""
        return Groups((*self.sizes, 1), (*self.log_lengthscales, log_lengthscale))


class GroupedMatern(Kernel):  # type: ignore[misc]
    """The kernel of this module, of variance 1; log lengthscales have normal priors.

    Args:
        groups: of the columns.
        options: of the base class, such as ``active_dims``.
    """

    def __init__(self, groups: Groups, **options: Any) -> None:
        super().__init__(**options)
        mean = torch.tensor(groups.log_lengthscales, dtype=torch.double)
        std = torch.full_like(mean, LENGTHSCALE_STD)
        sizes = torch.tensor(groups.sizes)
        self.register_buffer("group", torch.repeat_interleave(torch.arange(len(sizes)), sizes))
        self.register_parameter("log_lengthscale", torch.nn.Parameter(mean.clone()))
        self.register_prior("log_lengthscale_prior", NormalPrior(mean, std), _log_lengthscale)
        self.register_constraint(
            "log_lengthscale", Interval(mean - REACH * std, mean + REACH * std, transform=None)
        )
        self._sizes = list(groups.sizes)
        self._within: tuple[Tensor, Tensor] | None = None

    def forward(self, x1: Tensor, x2: Tensor, diag: bool = False, **params: Any) -> Tensor:
        """Covariances.

        Shapes:
            x1: (…, n, f)
            x2: (…, m, f)
            returns: (…, n, m), or (…, n) of pairs where ``diag``
        """
        if self.training and x1 is x2 and x1.dim() == 2 and not diag:
            squared = (torch.exp(-2 * self.log_lengthscale) @ self._squared_within(x1)).reshape(len(x1), -1)
        else:
            scale = torch.exp(-self.log_lengthscale)[self.group]
            squared = self.covar_dist(x1 * scale, x2 * scale, diag=diag, square_dist=True, **params)
        covariances: Tensor = _Matern52.apply(squared)  # type: ignore[no-untyped-call]
        return covariances

    def _squared_within(self, x: Tensor) -> Tensor:
        """Squared distances within each group (g, n·n), computed once while lengthscales are fitted."""
        if self._within is None or self._within[0] is not x:
            parts = torch.split(x.detach(), self._sizes, dim=1)
            self._within = x, torch.stack([torch.cdist(part, part).square().ravel() for part in parts])
        return self._within[1]


class _Matern52(torch.autograd.Function):
    """k of the squared distance, whose derivative is finite at 0, where that of the distance is not."""

    @staticmethod
    def forward(ctx: Any, squared: Tensor) -> Tensor:
        # In place: at a thousand labels fetching these matrices takes longer than computing them.
        r = (5 * squared).sqrt_()
        decay = (-r).exp_()
        ctx.save_for_backward(r, decay)
        return (r / 3).add_(1).mul_(r).add_(1).mul_(decay)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        r, decay = ctx.saved_tensors
        slope: Tensor = (1 + r).mul_(decay).mul_(gradients[0]).mul_(-5 / 6)
        return slope


def _log_lengthscale(kernel: GroupedMatern) -> Tensor:
    parameter: Tensor = kernel.log_lengthscale
    return parameter
