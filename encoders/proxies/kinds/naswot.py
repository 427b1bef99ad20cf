"""NASWOT (Mellor et al., ICML 2021): how differently a network's ReLUs see different images."""

import torch
from torch import Tensor, nn

from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch, Proxy, hooked


@PROXIES.register
class Naswot(Proxy):
    r"""Log-determinant of the kernel of agreeing ReLU patterns.

    .. math:: \log \left| K_H \right|, \qquad K_H[i, j] = N_A - d_H(c_i, c_j)

    with :math:`c_i` the binary code of image i over all :math:`N_A` rectified units and :math:`d_H` the
    Hamming distance.
    """

    name = "naswot"

    def value(self, network: nn.Module, batch: Batch) -> float:
        """The log-determinant; minus infinity where two images look the same."""
        b = len(batch.images)
        kernel = torch.zeros(b, b)

        def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            code = (output > 0).flatten(1).float()
            kernel.add_(code @ code.T).add_((1 - code) @ (1 - code).T)

        with torch.no_grad(), hooked(network, nn.ReLU, add):
            network(batch.images)
        sign, logarithm = torch.linalg.slogdet(kernel.double())
        return float(logarithm) if sign > 0 else -torch.inf
