r"""Masked (absorbing) discrete diffusion over the slots of a graph.

Austin et al. 2021, "Structured Denoising Diffusion Models in Discrete State-Spaces", absorbing case, in the
simplified form of Sahoo et al. 2024 ("Simple and Effective Masked Diffusion Language Models"). The forward
process masks each slot independently, :math:`q(x_t = m \mid x_0) = t`. The reverse process goes from t to
u < t by unmasking each masked slot with probability :math:`(t - u)/t`, its value drawn from the denoiser;
many slots are unmasked in one step.

At each step the whole graph is completed and the completion is drawn again until it is an architecture of
the space, so what is unmasked is always part of one. In spaces whose every filling is an architecture
nothing is drawn twice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from encoders.threads import fixed_threads
from generator.distinct import distinct
from generator.guide import Guide
from generator.masked.absorbing import unmasking
from generator.masked.condition import Conditions
from generator.masked.denoiser import Denoiser
from spaces.space import Bools, Codes, Floats, Space

INVALID = -1e3
"""Log weight of a finished particle that is not an architecture of the space."""
TRIES = 256
"""How often a completion is drawn before it is let pass as it is."""

Visit = Callable[[Codes, Floats], None]
"""Called with the architectures (b, v) that the guide weighed on the way, and their log weights (b,)."""


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
    """The generative model of one space: a trained denoiser and how to sample from it.

    Attributes:
        calls: evaluations of the network so far, each on one batch.
    """

    def __init__(
        self, space: Space, denoiser: Denoiser, conditions: Conditions, digest: str = "untrained"
    ) -> None:
        self.space = space
        self.denoiser = denoiser.eval()
        self.conditions = conditions
        self.digest = digest
        self.calls = 0

    def sample(
        self,
        count: int,
        *,
        seed: int,
        guide: Guide | None = None,
        targets: NDArray[np.floating] | None = None,
        options: SamplerOptions | None = None,
        start: Codes | None = None,
        level: float = 1.0,
        visit: Visit | None = None,
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
            start: architectures (N, v) to mask to ``level`` and complete anew; None begins with all masked.
            level: the noise level to begin at, above 0; the steps are as many as it has a share of them.
            visit: called with what the guide weighed on the way.
        """
        with fixed_threads(), torch.inference_mode():
            return self._sample(
                count,
                seed=seed,
                guide=guide,
                targets=targets,
                options=options or SamplerOptions(),
                start=start,
                level=level,
                visit=visit,
            )

    def _sample(
        self,
        count: int,
        *,
        seed: int,
        guide: Guide | None,
        targets: NDArray[np.floating] | None,
        options: SamplerOptions,
        start: Codes | None,
        level: float,
        visit: Visit | None,
    ) -> Particles:
        random = torch.Generator().manual_seed(seed)
        sizes = self.denoiser.sizes.cpu()
        x = sizes.expand(count, -1).clone()
        if start is not None:
            values = torch.from_numpy(self.space.slot_values(start).astype(np.int64))
            x = torch.where(torch.rand(x.shape, generator=random) < level, x, values)
        c = None if targets is None else torch.as_tensor(targets, dtype=torch.float32).expand(count, -1)
        potential = np.zeros(count)
        log_weights = np.zeros(count)
        log_evidence = 0.0
        codes, valid = np.empty((0, 0), dtype=np.int8), np.empty(0, dtype=bool)
        steps = max(1, round(options.steps * level))
        for step in range(steps):
            t, u = level * (1 - step / steps), level * (1 - (step + 1) / steps)
            last = step == steps - 1
            # The draw that completes the graph is also what is unmasked: one network call a step. A slot
            # that stays masked is drawn anew at the next step.
            completion, codes, valid = self._complete(x, c, options.guidance, random)
            unmask = torch.rand(x.shape, generator=random) < unmasking(t, u)
            x = torch.where(unmask, completion, x) if not last else completion
            if guide is None:
                continue
            weights = _guide_value(codes, valid, guide, final=last)
            if visit is not None and valid.any():
                visit(codes[valid], weights[valid])
            new = (1 - u) * weights
            log_weights += new - potential
            potential = new
            if not last and _effective_share(log_weights) < options.resample_below:
                chosen = _systematic(log_weights, random)
                log_evidence += float(np.logaddexp.reduce(log_weights)) - np.log(count)
                x, c, potential = x[chosen], None if c is None else c[chosen], potential[chosen.numpy()]
                log_weights = np.zeros(count)
        log_evidence += float(np.logaddexp.reduce(log_weights)) - np.log(count)
        return Particles(codes, valid, log_weights, log_evidence)

    def _complete(
        self, x: Tensor, c: Tensor | None, guidance: float, random: torch.Generator
    ) -> tuple[Tensor, Codes, Bools]:
        """Each row of x (b, s) with its masked slots drawn from the denoiser: slots, codes, validity.

        Rows that are not an architecture of the space are drawn again, ``TRIES`` times at most.
        """
        log_probabilities, row = self._log_probabilities(x, c, guidance)
        masked = x == self.denoiser.sizes.cpu()
        completion = torch.where(masked, _categorical(log_probabilities[row], random), x)
        codes, valid = self.space.from_slots(completion.numpy().astype(np.int8))
        for _ in range(TRIES - 1):
            wrong = np.flatnonzero(~valid)
            if not len(wrong):
                break
            rows = torch.from_numpy(wrong)
            again = torch.where(
                masked[rows], _categorical(log_probabilities[row[rows]], random), completion[rows]
            )
            completion[rows] = again
            codes[wrong], valid[wrong] = self.space.from_slots(again.numpy().astype(np.int8))
        return completion, codes, valid

    def _log_probabilities(self, x: Tensor, c: Tensor | None, guidance: float) -> tuple[Tensor, Tensor]:
        """The denoiser's answer (r, s, k) to the distinct rows of x (b, s), and each row's place in it (b,).

        Equal rows are common: at the start all are masked, and resampling copies what is good.
        """
        if c is None:
            first, inverse = distinct(x.numpy().astype(np.int8))
            rows, places = x[torch.from_numpy(first)], torch.from_numpy(inverse)
            nothing = torch.full((len(rows), len(self.conditions.names)), torch.nan)
            return self.log_probabilities(rows, nothing), places
        places = torch.arange(len(x))
        conditional = self.log_probabilities(x, c)
        if guidance == 0.0:
            return conditional, places
        free = self.log_probabilities(x, torch.full_like(c, torch.nan))
        # −inf − (−inf) would be NaN: values no slot admits stay at −inf.
        mixed = torch.where(conditional.isinf(), conditional, (1 + guidance) * conditional - guidance * free)
        return mixed.log_softmax(-1), places

    def log_probabilities(self, x: Tensor, c: Tensor) -> Tensor:
        """One call of the network, on its own device, in half precision where that is a GPU.

        Shapes:
            x: (b, s), masked where a value is the slot's vocabulary size
            c: (b, m), NaN where not asked for
            returns: (b, s, k)
        """
        self.calls += 1
        device = self.denoiser.sizes.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            answer: Tensor = self.denoiser(x.to(device), c.to(device))
        return answer.float().cpu()


def _guide_value(codes: Codes, valid: Bools, guide: Guide, *, final: bool) -> Floats:
    """The guide's log weights (b,) of completions (b, v).

    A completion that is not an architecture of the space only gives its particle no weight at the end:
    before, what is masked is drawn anew, so it counts as the worst of the others and no less.
    """
    if not valid.any():
        return np.full(len(codes), INVALID if final else 0.0)
    weights = guide.log_weight(codes[valid])
    value = np.full(len(codes), INVALID if final else weights.min())
    value[valid] = weights
    return value


def _categorical(log_probabilities: Tensor, random: torch.Generator) -> Tensor:
    """One draw per slot by the Gumbel-max trick: (b, s, k) → (b, s).

    In its exponential form: the smallest of Exp(1)/p is value i with probability p_i.
    """
    clocks = torch.empty(log_probabilities.shape).exponential_(generator=random)
    return (log_probabilities - clocks.log()).argmax(-1)


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
