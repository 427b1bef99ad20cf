"""SNIP (Lee et al., ICLR 2019; as a score: Abdelfattah et al., ICLR 2021)."""

from torch import nn
from torch.nn.functional import cross_entropy

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, log, saliency, weighted


@PROXIES.register
class Snip(Proxy):
    r"""How much the loss would feel the loss of each weight,
    :math:`\log \sum_\theta |\theta \, \partial L / \partial \theta|`.
    """

    name = "snip"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The logarithm of the sum, for cross-entropy with the batch's targets."""
        loss = cross_entropy(network(batch.images), batch.targets)
        return log(saliency(loss, weighted(network)))
