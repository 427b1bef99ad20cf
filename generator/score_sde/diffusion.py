r"""DiffusionNAG as published (An et al., ICLR 2024), to be compared with.

A variance-exploding SDE over the operations' one-hots X given the graph A (Song et al. 2021): forward,
:math:`X_t = X_0 + \sigma_t Z` with :math:`\sigma_t = \sigma_{min} (\sigma_{max}/\sigma_{min})^t`; backward,
at each of 1,000 scales one Langevin corrector step and one Euler–Maruyama step of the reverse SDE, both along
the score network and, when guided, :math:`s \nabla_X f(X_t, t)` of a predictor f trained on noisy graphs.

Settings are those of the authors' code: sigmas 0.1 to 5, signal-to-noise ratio 0.16, one corrector step, the
last step without noise, one-hots scaled to −1 and 1, a graph read off by the threshold 0.5. What differs is
stated in ``docs/decisions``.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from generator.masked.diffusion import Particles
from generator.score_sde.score_network import NoisyPredictor, ScoreNetwork
from spaces.space import Bools, Codes, Space


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How to diffuse and to sample.

    Args:
        scales: noise levels that the reverse process visits.
        sigma_min, sigma_max: smallest and largest standard deviation of the noise.
        snr: signal-to-noise ratio r of the corrector.
        corrections: corrector steps a scale.
        end: the noise level t at which the reverse process ends.
        guidance: factor s on the predictor's gradient.
    """

    scales: int = 1000
    sigma_min: float = 0.1
    sigma_max: float = 5.0
    snr: float = 0.16
    corrections: int = 1
    end: float = 1e-3
    guidance: float = 1.0

    def sigma(self, t: Tensor) -> Tensor:
        """Standard deviation of the noise at levels t."""
        return self.sigma_min * (self.sigma_max / self.sigma_min) ** t

    def diffusion(self, t: Tensor) -> Tensor:
        r"""g(t) of the SDE :math:`dX = g(t)\,dW`, so that :math:`\int_0^t g^2 = \sigma_t^2 - \sigma_0^2`."""
        return self.sigma(t) * math.sqrt(2 * math.log(self.sigma_max / self.sigma_min))


class ScoreSde:
    """The model of one space whose graph is given: a trained score network and how to sample from it.

    Attributes:
        calls: evaluations of a network so far, each on one batch; a gradient of the predictor counts as one.
    """

    def __init__(
        self,
        space: Space,
        network: ScoreNetwork,
        options: ScoreOptions | None = None,
        digest: str = "untrained",
    ) -> None:
        self.space = space
        self.network = network.eval()
        self.options = options or ScoreOptions()
        self.digest = digest
        self.calls = 0

    def sample(self, count: int, *, seed: int, predictor: NoisyPredictor | None = None) -> Particles:
        """``count`` graphs of equal weight, as they come: they may repeat, and need not be valid.

        Args:
            count: graphs, all in one batch.
            seed: the same seed gives the same graphs on one machine and device.
            predictor: guides towards larger values; without one the sample is of the training distribution.
        """
        codes, valid = read_off(self.space, self._reverse(count, seed, predictor))
        return Particles(codes, valid, np.zeros(count), 0.0)

    def _reverse(self, count: int, seed: int, predictor: NoisyPredictor | None) -> Tensor:
        """The reverse process from pure noise, (count, n, k)."""
        options = self.options
        device = next(self.network.parameters()).device
        random = torch.Generator().manual_seed(seed)
        nodes, operations = len(self.space.skeleton), len(self.space.operations)

        def noise() -> Tensor:
            # Drawn on the CPU, so that a seed means the same on every device.
            return torch.randn(count, nodes, operations, generator=random).to(device)

        x = mean = options.sigma_max * noise()
        for level in torch.linspace(1.0, options.end, options.scales):
            t = level.expand(count).to(device)
            for _ in range(options.corrections):
                gradient, z = self.score(x, t, predictor), noise()
                # Norms are means over the batch, as published.
                ratio = z.flatten(1).norm(dim=1).mean() / gradient.flatten(1).norm(dim=1).mean()
                step = 2 * (options.snr * ratio) ** 2
                x = x + step * gradient + (2 * step).sqrt() * z
            g2 = float(options.diffusion(level)) ** 2 / options.scales
            mean = x + g2 * self.score(x, t, predictor)
            x = mean + math.sqrt(g2) * noise()
        return mean

    def score(self, x: Tensor, t: Tensor, predictor: NoisyPredictor | None = None) -> Tensor:
        """The score (b, n, k) at noisy graphs x (b, n, k) of levels t (b,), with the guidance added."""
        with torch.no_grad():
            score: Tensor = self.network(x, t) / self.options.sigma(t)[:, None, None]
        self.calls += 1
        if predictor is None:
            return score
        with torch.enable_grad():
            leaf = x.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(predictor(leaf, t).sum(), leaf)
        self.calls += 1
        return score + self.options.guidance * gradient


def one_hots(space: Space, codes: Codes) -> Tensor:
    """Clean graphs of codes (b, v) as −1 and 1, (b, n, k)."""
    operations = torch.from_numpy(space.graph(codes).operations)
    return 2 * torch.nn.functional.one_hot(operations, len(space.operations)).float() - 1


def read_off(space: Space, x: Tensor) -> tuple[Codes, Bools]:
    """Codes of denoised one-hots (b, n, k), and which are architectures.

    An architecture has exactly one operation above the threshold at each node, of those that its node admits.
    """
    present = x.cpu().numpy() > 0  # 0.5 on the scale of 0 and 1
    single = (present.sum(axis=2) == 1).all(axis=1)
    chosen = present.argmax(axis=2)
    ends = (chosen[:, 0] == 0) & (chosen[:, -1] == len(space.operations) - 1)
    values = np.zeros((len(x), len(space.slots)), dtype=np.int8)
    admitted = np.ones(len(x), dtype=bool)
    for index, slot in enumerate(space.slots):
        meant = chosen[:, slot.node, None] == space.slot_operations(slot)  # (b, k of the slot)
        admitted &= meant.any(axis=1)
        values[:, index] = meant.argmax(axis=1)
    codes, valid = space.from_slots(values)
    return codes, valid & single & ends & admitted
