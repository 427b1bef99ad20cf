"""GraSP (Wang et al., ICLR 2020; as a score: Abdelfattah et al., ICLR 2021)."""

import math

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, weighted


@PROXIES.register
class Grasp(Proxy):
    r"""By how much the gradient's flow would grow if each weight were lost, summed.

    .. math:: s = -\sum_\theta \theta \, (H g)_\theta, \qquad \mathrm{sign}(s) \log(1 + |s|)

    with g the loss's gradient and H its second derivatives. It spans orders of magnitude on both sides of 0.
    """

    name = "grasp"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The signed logarithm, for cross-entropy with the targets; minus infinity where nothing flows."""
        weights = weighted(network)
        loss = cross_entropy(network(batch.images), batch.targets)
        slopes = torch.autograd.grad(
            loss, weights, create_graph=True, allow_unused=True, materialize_grads=True
        )
        flow = torch.stack([(slope.detach() * slope).sum() for slope in slopes]).sum()
        if not flow > 0:
            return -math.inf
        products = torch.autograd.grad(flow, weights, allow_unused=True, materialize_grads=True)
        found = -sum(
            float((weight.detach() * product).double().sum())
            for weight, product in zip(weights, products, strict=True)
        )
        return math.copysign(math.log1p(abs(found)), found)
