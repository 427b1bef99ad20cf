"""Training of the masked diffusion's denoiser on architectures of a space, no labels needed."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import torch

from encoders.threads import fixed_threads
from generator.masked.condition import Conditions
from generator.masked.denoiser import Denoiser, DenoiserShape
from generator.masked.diffusion import MaskedDiffusion
from spaces.space import Codes, Space

CONDITION_KEPT = 0.5
"""Chance that a statistic is shown to the denoiser in training; and all are hidden in a tenth of the rows."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How long and how to train.

    Args:
        steps: optimizer steps.
        batch: architectures a step.
        learning_rate: peak learning rate of AdamW under a one-cycle schedule.
        architectures: training set size; the space's architectures are drawn from uniformly.
    """

    steps: int = 3000
    batch: int = 256
    learning_rate: float = 3e-3
    architectures: int = 50_000

    @classmethod
    def of(cls, space: Space) -> Self:
        """Those that made the weights that ship of a space; the defaults in any other space."""
        return cls(**_SHIPPED.get(space.name, {}))


_SHIPPED = {
    "fbnet": {"steps": 5000},
    "gnn": {"steps": 4000},
    "mnasnet": {"steps": 4000},
    "nasbench201": {"steps": 6000, "batch": 512},
    "ofa_mobilenetv3": {"steps": 2000, "batch": 128},
    "efficientnet_lite": {"steps": 1500, "batch": 128},
}
"""Steps by how long the bound went on falling; a smaller batch where an architecture has many layers."""


@fixed_threads()
def train_generator(
    space: Space,
    *,
    seed: int = 0,
    options: TrainingOptions | None = None,
    architectures: Codes | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> tuple[MaskedDiffusion, dict[str, object]]:
    r"""A trained model and what its card says.

    Minimizes the negative evidence bound of absorbing diffusion (Sahoo et al. 2024),
    :math:`\mathbb{E}_t\, \frac1t \sum_{i: x_t^i = m} -\log p_\theta(x_0^i \mid x_t, c)`, in nats an
    architecture.

    Args:
        space: any space.
        seed: of everything random.
        options: how long and how.
        architectures: codes (n, v) to learn from; drawn uniformly from the space unless given.
        device: where torch trains, ``cpu`` or ``cuda``; the model is on the CPU when it is returned.
        progress: called with steps done, all steps, and a message.
    """
    options = options or TrainingOptions.of(space)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    conditions = Conditions.of(space, seed=seed)
    codes = space.sample(options.architectures, rng) if architectures is None else architectures
    clean = torch.from_numpy(space.slot_values(codes).astype(np.int64))
    statistics = torch.from_numpy(conditions.of_codes(space, codes))
    denoiser = Denoiser(space, len(conditions.names), DenoiserShape()).to(device)
    optimizer = torch.optim.AdamW(denoiser.parameters(), lr=options.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.steps
    )
    began, spent, smoothed = time.perf_counter(), time.process_time(), float("nan")
    for step in range(options.steps):
        rows = torch.from_numpy(rng.integers(len(clean), size=options.batch))
        x0, c = clean[rows], statistics[rows].clone()
        hidden = torch.rand(c.shape) > CONDITION_KEPT
        hidden |= (torch.rand(len(c)) < 0.1)[:, None]
        c[hidden] = torch.nan
        loss = bound(denoiser, x0.to(device), c.to(device))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(denoiser.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        smoothed = loss.item() if np.isnan(smoothed) else 0.99 * smoothed + 0.01 * loss.item()
        if (step + 1) % 50 == 0:
            progress(step + 1, options.steps, f"bound {smoothed:.3f} nats")
    card: dict[str, object] = {
        "space": space.name,
        "architectures": len(codes),
        "options": asdict(options),
        "seed": seed,
        "bound_nats": round(smoothed, 4),
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - spent, 1),
        "parameters": sum(parameter.numel() for parameter in denoiser.parameters()),
    }
    return MaskedDiffusion(space, denoiser.cpu(), conditions), card


def bound(denoiser: Denoiser, x0: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """Monte Carlo estimate of the bound, nats an architecture, with stratified noise levels."""
    b, s = x0.shape
    # Drawn on the CPU, so that a seed means the same on every device.
    t = (torch.arange(b) + torch.rand(b)) / b
    # 1/t is unbounded; at least one slot's worth of noise keeps the variance of the estimate finite.
    t = t.clamp_min(1.0 / (4 * s))[:, None]
    masked = (torch.rand(b, s) < t).to(x0.device)
    t = t.to(x0.device)
    x = torch.where(masked, denoiser.sizes, x0)
    log_probabilities = denoiser(x, c).gather(-1, x0[..., None])[..., 0]
    loss: torch.Tensor = (-(log_probabilities * masked) / t).sum(-1).mean()
    return loss
