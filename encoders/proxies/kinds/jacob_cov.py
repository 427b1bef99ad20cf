"""Jacobian covariance (Mellor et al. 2020, "Neural Architecture Search without Training", version 1)."""

import torch
from torch import nn

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy

_SMALL = 1e-5


@PROXIES.register
class JacobianCovariance(Proxy):
    r"""How uncorrelated the local linear maps of different images are.

    .. math:: -\sum_i \left[ \log(\sigma_i + \epsilon) + (\sigma_i + \epsilon)^{-1} \right]

    with :math:`\sigma_i` the eigenvalues of the correlation matrix of the Jacobian's rows, one row an image.
    """

    name = "jacob_cov"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The sum over eigenvalues; minus infinity where the output does not depend on the images."""
        images = batch.images.clone().requires_grad_(True)
        (jacobian,) = torch.autograd.grad(
            network(images).sum(), images, allow_unused=True, materialize_grads=True
        )
        rows = jacobian.flatten(1).double()
        rows = rows - rows.mean(dim=1, keepdim=True)
        lengths = rows.norm(dim=1, keepdim=True)
        if not bool((lengths > 0).all()):
            return -torch.inf
        rows = rows / lengths
        eigenvalues = torch.linalg.eigvalsh(rows @ rows.T).clamp_min(0) + _SMALL
        return float(-(eigenvalues.log() + 1 / eigenvalues).sum())
