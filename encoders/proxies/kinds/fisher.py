"""Fisher information (Theis et al. 2018; as a score: Abdelfattah et al., ICLR 2021)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, hooked, log


@PROXIES.register
class Fisher(Proxy):
    r"""How much the loss would feel the loss of each weight's channel, to second order.

    .. math:: \log \sum_l n_l \sum_c \frac{1}{2b} \sum_i \Bigl( \sum_{hw} a_{ichw}
              \,\partial L / \partial a_{ichw} \Bigr)^2

    over the outputs a of all convolutions and linear layers l, which have :math:`n_l` weights a channel (each
    counts, as in the code of Abdelfattah et al.), and the images i.
    """

    name = "fisher"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The logarithm of the sum, for cross-entropy with the batch's targets."""
        seen: list[tuple[Tensor, int]] = []

        def see(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            assert isinstance(module, nn.Conv2d | nn.Linear)
            seen.append((output, module.weight[0].numel()))

        with hooked(network, (nn.Conv2d, nn.Linear), see):
            loss = cross_entropy(network(batch.images), batch.targets)
        slopes = torch.autograd.grad(
            loss, [output for output, _ in seen], allow_unused=True, materialize_grads=True
        )
        felt = [
            weights * (output * slope).reshape(*output.shape[:2], -1).sum(2).double().square().sum()
            for (output, weights), slope in zip(seen, slopes, strict=True)
        ]
        return log(torch.stack(felt).sum() / (2 * len(batch.images)))
