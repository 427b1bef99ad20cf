"""Zen-score (Lin et al., ICCV 2021, "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition")."""

import torch
from torch import Tensor, nn

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, hooked

_STEP = 0.01


@PROXIES.register
class Zen(Proxy):
    r"""How expressive the network is: how far its features move when the input does.

    .. math:: \log \mathbb E \| f(x) - f(x + \alpha\epsilon) \|_F
              + \sum_{\text{norms}} \log \sqrt{\overline{\sigma^2}}

    with x and :math:`\epsilon` standard normal, f the features before the last pooling, standard normal
    weights, and :math:`\overline{\sigma^2}` the mean variance that a batch norm divides by: what the norms
    take out of the scale is put back. A norm that sees nothing but zeros adds nothing.
    """

    name = "zen"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The score; minus infinity where the features do not depend on the input."""
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight)
        images = torch.randn_like(batch.images)
        scale = torch.zeros(())

        def rescale(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            variance = inputs[0].var(dim=(0, 2, 3), unbiased=False).mean()
            if variance > 0:
                scale.add_(variance.sqrt().log())

        with torch.no_grad():
            with hooked(network, nn.BatchNorm2d, rescale):
                before = _features(network, images)
            after = _features(network, images + _STEP * torch.randn_like(images))
        moved = (after - before).flatten(1).norm(dim=1).mean()
        return float(moved.log() + scale)


def _features(network: nn.Module, images: Tensor) -> Tensor:
    """What goes into the last global pooling."""
    seen: list[Tensor] = []
    with hooked(network, nn.AdaptiveAvgPool2d, lambda module, inputs, output: seen.append(inputs[0])):
        network(images)
    return seen[-1]
