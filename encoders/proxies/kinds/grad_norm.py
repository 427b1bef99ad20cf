"""Gradient norm (Abdelfattah et al., ICLR 2021, "Zero-Cost Proxies for Lightweight NAS")."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, gradients, log, weighted


@PROXIES.register
class GradNorm(Proxy):
    r"""Norm of the loss's gradient, summed over layers:
    :math:`\log \sum_l \|\partial L / \partial \theta_l\|`.
    """

    name = "grad_norm"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The logarithm of the sum, for cross-entropy with the batch's targets."""
        loss = cross_entropy(network(batch.images), batch.targets)
        norms = torch.stack([gradient.norm() for gradient in gradients(loss, weighted(network))])
        return log(norms.sum())
