"""Training of ``score_sde``: denoising score matching, and the noise-aware predictor that guides it."""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch

from encoders.threads import fixed_threads
from generator.score_sde.diffusion import ScoreOptions, ScoreSde, one_hots
from generator.score_sde.score_network import NoisyPredictor, ScoreNetwork, ScoreShape
from spaces.space import Codes, Floats, Space


@dataclass(frozen=True, slots=True)
class ScoreTraining:
    """How long and how to train.

    Args:
        steps: optimizer steps.
        batch: graphs a step.
        learning_rate: peak learning rate of Adam under a one-cycle schedule.
        average: decay of the moving average of the weights, which is what is kept.
    """

    steps: int = 15_000
    batch: int = 64
    learning_rate: float = 1e-3
    average: float = 0.999


@fixed_threads()
def train_score_sde(
    space: Space,
    codes: Codes,
    *,
    seed: int = 0,
    options: ScoreTraining | None = None,
    shape: ScoreShape | None = None,
    diffusion: ScoreOptions | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> tuple[ScoreSde, dict[str, object]]:
    r"""A score network trained on codes (b, v) of a space whose graph is fixed, and what its card says.

    Minimizes :math:`\mathbb{E}_{t, X_0, Z} \lVert \sigma_t s_\theta(X_0 + \sigma_t Z, t) + Z \rVert^2`
    (Vincent 2011; Song et al. 2021), t uniform.

    Raises:
        ValueError: for a space whose edges vary: the graph must be given.
    """
    if any(slot.source is not None for slot in space.slots):
        raise ValueError(f"the graph of {space.name} varies; score_sde needs one that is given")
    options, diffusion = options or ScoreTraining(), diffusion or ScoreOptions()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    clean = one_hots(space, codes).to(device)
    adjacency = torch.from_numpy(space.skeleton)
    network = ScoreNetwork(len(space.operations), adjacency, shape or ScoreShape()).to(device)
    kept = copy.deepcopy(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, total_steps=options.steps
    )
    began, smoothed = time.perf_counter(), float("nan")
    for step in range(options.steps):
        x0 = clean[torch.from_numpy(rng.integers(len(clean), size=options.batch)).to(device)]
        t = ((torch.arange(options.batch) + torch.rand(options.batch)) / options.batch).to(device)
        z = torch.randn(x0.shape).to(device)
        loss = (network(x0 + diffusion.sigma(t)[:, None, None] * z, t) + z).square().mean()
        _update(network, optimizer, loss)
        schedule.step()
        with torch.no_grad():
            for mine, theirs in zip(kept.parameters(), network.parameters(), strict=True):
                mine.lerp_(theirs, 1 - options.average)
        smoothed = loss.item() if np.isnan(smoothed) else 0.99 * smoothed + 0.01 * loss.item()
        if (step + 1) % 50 == 0:
            progress(step + 1, options.steps, f"loss {smoothed:.4f}")
    card: dict[str, object] = {
        "space": space.name,
        "architectures": len(codes),
        "options": asdict(options),
        "seed": seed,
        "loss": round(smoothed, 4),
        "seconds": round(time.perf_counter() - began, 1),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    return ScoreSde(space, kept, diffusion), card


@fixed_threads()
def train_noisy_predictor(
    space: Space,
    codes: Codes,
    values: Floats,
    *,
    seed: int = 0,
    steps: int = 1500,
    batch: int = 128,
    learning_rate: float = 1e-3,
    shape: ScoreShape | None = None,
    diffusion: ScoreOptions | None = None,
) -> NoisyPredictor:
    """A predictor of standardized values (b,) from noisy graphs of codes (b, v), at every noise level.

    Args:
        space: whose graph is fixed.
        codes: labelled architectures.
        values: their labels; larger is better.
        seed: of everything random.
        steps, batch, learning_rate: of Adam.
        shape: sizes.
        diffusion: the noise.
    """
    diffusion = diffusion or ScoreOptions()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    clean = one_hots(space, codes)
    targets = torch.from_numpy((values - values.mean()) / max(float(values.std()), 1e-9)).float()
    adjacency = torch.from_numpy(space.skeleton)
    network = NoisyPredictor(len(space.operations), adjacency, shape or ScoreShape(layers=2))
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    for _ in range(steps):
        rows = torch.from_numpy(rng.integers(len(clean), size=batch))
        t = torch.rand(batch)
        noisy = clean[rows] + diffusion.sigma(t)[:, None, None] * torch.randn(clean[rows].shape)
        _update(network, optimizer, (network(noisy, t) - targets[rows]).square().mean())
        schedule.step()
    return network.eval()


def _update(network: torch.nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
