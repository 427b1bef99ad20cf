"""Logarithmic synaptic flow (Cavagnero et al. 2023, "FreeREA"): synflow whose gradients do not explode."""

import torch
from torch import nn

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, gradients, hooked, weighted


@PROXIES.register
class LogSynFlow(Proxy):
    r"""How much every weight lets through, with the logarithm of its gradient.

    .. math:: \sum_\theta |\theta| \log\left(1 + \left| \partial R / \partial \theta \right|\right), \qquad
              R = \mathbf 1^\top f_{|\theta|}(\mathbf 1)

    with every weight replaced by its magnitude and batch norms left out.
    """

    name = "logsynflow"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The sum over all weights."""
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_()
        network.eval().double()
        ones = torch.ones_like(batch.images[:1]).double()
        with hooked(network, nn.BatchNorm2d, lambda module, inputs, output: inputs[0]):
            flow = network(ones).sum()
        weights = weighted(network)
        pairs = zip(weights, gradients(flow, weights), strict=True)
        return sum(float((weight * gradient.abs().log1p()).detach().sum()) for weight, gradient in pairs)
