r"""Masked (absorbing) discrete diffusion over the slots of a graph.

Austin et al. 2021, "Structured Denoising Diffusion Models in Discrete State-Spaces", absorbing case, in the
simplified form of Sahoo et al. 2024 ("Simple and Effective Masked Diffusion Language Models"). The forward
process masks each slot independently, :math:`q(x_t = m \mid x_0) = t`. The reverse process goes from t to
u < t by unmasking each masked slot with probability :math:`(t - u)/t`, its value drawn from the denoiser;
many slots are unmasked in one step.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from generator.condition import Conditions
from generator.denoiser import Denoiser
from generator.guide import Guide
from spaces.space import Bools, Codes, Floats, Space

INVALID = -1e3
"""Log weight of a finished particle that is no member of the space."""


@dataclass(frozen=True, slots=True)
class Particles:
    """What :meth:`MaskedDiffusion.sample` returns.

    Shapes:
        codes: (N, v); rows that are not valid hold the example's codes
        valid: (N,)
        log_weights: (N,); normalized they estimate the tilted distribution
        log_evidence: scalar, log of the estimated mean of exp(guide) under the sampler
    """

    codes: Codes
    valid: Bools
    log_weights: Floats
    log_evidence: float


@dataclass(frozen=True, slots=True)
class SamplerOptions:
    r"""How to sample.

    Args:
        steps: K, parallel unmasking steps.
        guidance: strength w of classifier-free guidance (Ho & Salimans 2022),
            :math:`(1 + w) \log p(x_0 | x_t, c) - w \log p(x_0 | x_t)`; 0 is plain conditioning.
        resample_below: resampling happens when the effective sample size falls under this share of N.
    """

    steps: int = 8
    guidance: float = 0.0
    resample_below: float = 0.5


class MaskedDiffusion:
    """The generative model of one space: a trained denoiser and how to sample from it."""

    def __init__(
        self, space: Space, denoiser: Denoiser, conditions: Conditions, digest: str = "untrained"
    ) -> None:
        self.space = space
        self.denoiser = denoiser.eval()
        self.conditions = conditions
        self.digest = digest

    @torch.no_grad()
    def sample(
        self,
        count: int,
        *,
        seed: int,
        guide: Guide | None = None,
        targets: NDArray[np.floating] | None = None,
        options: SamplerOptions | None = None,
    ) -> Particles:
        r"""Weighted particles by sequential Monte Carlo (Feynman–Kac steering, Singhal et al. 2025).

        After each unmasking step a particle's potential :math:`V` is the guide's log weight of one completion
        drawn from the denoiser, damped while much is still masked. Weights multiply by
        :math:`\exp(V_k - V_{k-1})`, so their product telescopes to the guide's own weight of the finished
        architecture, whatever the completions were.

        Args:
            count: number N of particles.
            seed: the same seed gives the same particles on one machine.
            guide: what to steer by; without one all weights are equal.
            targets: (N, m) standardized conditions, NaN where not asked for; None asks for nothing.
            options: see :class:`SamplerOptions`.
        """
        options = options or SamplerOptions()
        random = torch.Generator().manual_seed(seed)
        sizes = self.denoiser.sizes
        x = sizes.expand(count, -1).clone()
        c = torch.full((count, len(self.conditions.names)), torch.nan)
        if targets is not None:
            c = torch.as_tensor(targets, dtype=torch.float32).expand(count, -1).clone()
        potential = np.zeros(count)
        log_weights = np.zeros(count)
        log_evidence = 0.0
        for step in range(options.steps):
            t, u = 1 - step / options.steps, 1 - (step + 1) / options.steps
            completion = _categorical(self._log_probabilities(x, c, options.guidance), random)
            # The draw that completes the graph is also what is unmasked: one network call a step. A slot
            # that stays masked is drawn anew at the next step.
            unmask = torch.rand(x.shape, generator=random) < (t - u) / t
            masked = x == sizes
            completion = torch.where(masked, completion, x)
            x = torch.where(masked & unmask, completion, x)
            if guide is None:
                continue
            last = step == options.steps - 1
            new = (1 - u) * self._guide_value(completion, guide, final=last)
            log_weights += new - potential
            potential = new
            if not last and _effective_share(log_weights) < options.resample_below:
                chosen = _systematic(log_weights, random)
                log_evidence += float(np.logaddexp.reduce(log_weights)) - np.log(count)
                x, c, potential = x[chosen], c[chosen], potential[chosen.numpy()]
                log_weights = np.zeros(count)
        codes, valid = self.space.from_slots(x.numpy().astype(np.int8))
        log_evidence += float(np.logaddexp.reduce(log_weights)) - np.log(count)
        return Particles(codes, valid, log_weights, log_evidence)

    def _log_probabilities(self, x: Tensor, c: Tensor, guidance: float) -> Tensor:
        conditional: Tensor = self.denoiser(x, c)
        if guidance == 0.0 or bool(c.isnan().all()):
            return conditional
        free: Tensor = self.denoiser(x, torch.full_like(c, torch.nan))
        # −inf − (−inf) would be NaN: values no slot admits stay at −inf.
        mixed = torch.where(conditional.isinf(), conditional, (1 + guidance) * conditional - guidance * free)
        return mixed.log_softmax(-1)

    def _guide_value(self, x: Tensor, guide: Guide, *, final: bool) -> Floats:
        """The guide's log weights of completions (b, s).

        A completion that is no member only damns its particle at the end: before, what is masked is drawn
        anew, so it counts as the worst of the others and no less.
        """
        codes, valid = self.space.from_slots(x.numpy().astype(np.int8))
        if not valid.any():
            return np.full(len(x), INVALID if final else 0.0)
        weights = guide.log_weight(codes[valid])
        value = np.full(len(x), INVALID if final else weights.min())
        value[valid] = weights
        return value


def _categorical(log_probabilities: Tensor, random: torch.Generator) -> Tensor:
    """One draw per slot by the Gumbel-max trick: (b, s, k) → (b, s)."""
    uniform = torch.rand(log_probabilities.shape, generator=random).clamp_min(1e-12)
    return (log_probabilities - (-uniform.log()).log()).argmax(-1)


def _effective_share(log_weights: Floats) -> float:
    """Effective sample size over N: 1 for equal weights, 1/N for one that has it all."""
    w = np.exp(log_weights - log_weights.max())
    return float(w.sum() ** 2 / (w**2).sum() / len(w))


def _systematic(log_weights: Floats, random: torch.Generator) -> Tensor:
    """Indices (N,) by systematic resampling: one uniform number, N evenly spaced pointers."""
    count = len(log_weights)
    w = torch.from_numpy(np.exp(log_weights - log_weights.max()))
    pointers = (torch.arange(count, dtype=torch.float64) + torch.rand(1, generator=random).double()) / count
    return torch.searchsorted((w / w.sum()).cumsum(0), pointers).clamp_max(count - 1)
