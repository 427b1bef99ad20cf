"""Synaptic flow (Tanaka et al., NeurIPS 2020; as a score: Abdelfattah et al., ICLR 2021)."""

import math

import torch
from torch import Tensor, nn

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, hooked, log, saliency, weighted


@PROXIES.register
class SynFlow(Proxy):
    r"""How much every weight lets through, summed, as a logarithm; needs no data.

    .. math:: \log \sum_\theta \left| \theta \, \partial R / \partial \theta \right|, \qquad
              R = \mathbf 1^\top f_{|\theta|}(\mathbf 1)

    with every weight replaced by its magnitude and batch norms left out.
    """

    name = "synflow"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The logarithm of the sum, in double precision where a single one does not hold it."""
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_()
        # Evaluation mode: a batch of one has no statistics at 1×1; the hook discards what the norm computes.
        network.eval()
        ones = torch.ones_like(batch.images[:1])
        found = _flow(network, ones)
        return found if math.isfinite(found) else _flow(network.double(), ones.double())


def _flow(network: nn.Module, ones: Tensor) -> float:
    with hooked(network, nn.BatchNorm2d, lambda module, inputs, output: inputs[0]):
        flow = network(ones).sum()
    return log(saliency(flow, weighted(network)))
