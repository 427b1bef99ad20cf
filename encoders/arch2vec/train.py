"""Training of arch2vec on architectures of a space, no labels needed: ``netwright train encoder``."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import torch

from encoders.arch2vec.encoder import Encoder, Prior, latents, save_encoder
from encoders.arch2vec.model import Arch2Vec, Shape, as_tensors
from encoders.arch2vec.quality import edit_correlation, prior_samples, reconstruction
from encoders.threads import fixed_threads
from spaces.known import get_space
from spaces.space import ENUMERABLE, Codes, Space

Progress = Callable[[int, int, str], None]
"""Called with done, total and a message."""


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How long and how to train.

    Args:
        steps: optimizer steps.
        batch: architectures a step.
        learning_rate: peak learning rate of AdamW under a one-cycle schedule.
        architectures: how many are drawn where the space is too large to enumerate; otherwise all are taken.
        held_out: share of them that is held out.
        edge_weight: γ of :meth:`Arch2Vec.loss`.
        divergence_weight: β of :meth:`Arch2Vec.loss`.
        shape: sizes of the autoencoder.
    """

    steps: int = 2500
    batch: int = 256
    learning_rate: float = 3e-3
    architectures: int = 50_000
    held_out: float = 0.1
    edge_weight: float = 16.0
    divergence_weight: float = 0.005
    shape: Shape = field(default_factory=Shape)

    @classmethod
    def of(cls, space: Space) -> Self:
        """What the shipped encoder of a space is trained with.

        Where edges vary they get the weight of operations. Where all architectures share their edges, the
        decoder must return them for every operation that the prior can draw; that takes a greater weight.
        """
        free = any(slot.source is not None for slot in space.slots)
        if free:
            return cls(steps=4000, edge_weight=4.0)
        return cls(steps=_STEPS[space.name]) if space.name in _STEPS else cls()


_STEPS = {"efficientnet_lite": 1200}
"""Optimizer steps of the spaces whose encoder needs fewer than the default."""


def split(space: Space, options: TrainingOptions, *, seed: int) -> tuple[Codes, Codes]:
    """Distinct architectures to train on and held-out ones, (·, v) each."""
    rng = np.random.default_rng(seed)
    if space.size <= ENUMERABLE:
        codes = space.enumerate()
    else:
        codes = np.unique(space.sample(options.architectures, rng), axis=0)
    codes = codes[rng.permutation(len(codes))]
    count = round(options.held_out * len(codes))
    return codes[count:], codes[:count]


@fixed_threads()
def train_encoder(
    space: Space,
    *,
    seed: int = 0,
    options: TrainingOptions | None = None,
    progress: Progress = lambda done, total, message: None,
) -> Encoder:
    """A trained encoder; see :class:`Arch2Vec` for the model and :func:`split` for what it learns from.

    Args:
        space: any space with graphs.
        seed: of the split, the weights, the batches and the noise.
        options: how long and how; the space's own unless given.
        progress: called with done, total and a message.
    """
    options = options or TrainingOptions.of(space)
    train, _ = split(space, options, seed=seed)
    operations, adjacency = as_tensors(space.graph(train))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Arch2Vec(len(space.operations), options.shape)
        optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, options.learning_rate, total_steps=options.steps
        )
        for step in range(1, options.steps + 1):
            rows = torch.randint(len(train), (options.batch,))
            loss = model.loss(
                operations[rows],
                adjacency[rows],
                edge_weight=options.edge_weight,
                divergence_weight=options.divergence_weight,
            )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            if step % 100 == 0 or step == options.steps:
                progress(step, options.steps, f"bound {loss.item():.3f}")
    model.eval()
    with torch.no_grad():
        model.turn(operations, adjacency)
    return Encoder(space, model, Prior.fit(latents(model, space.graph(train))))


def ship_encoder(
    space_name: str,
    folder: Path,
    *,
    seed: int = 0,
    options: TrainingOptions | None = None,
    progress: Progress = lambda done, total, message: None,
) -> dict[str, object]:
    """Trains, then writes ``<space>.safetensors`` and its card ``<space>.md``; returns what the card says."""
    space, began = get_space(space_name), time.perf_counter()
    options = options or TrainingOptions.of(space)
    encoder = train_encoder(space, seed=seed, options=options, progress=progress)
    return write_encoder(encoder, folder, seed=seed, options=options, seconds=time.perf_counter() - began)


def write_encoder(
    encoder: Encoder, folder: Path, *, seed: int, options: TrainingOptions, seconds: float
) -> dict[str, object]:
    """Writes an encoder that was trained with the seed and options, evaluated on what they held out."""
    space_name = encoder.space.name
    train, held_out = split(encoder.space, options, seed=seed)
    drawn, together = (
        prior_samples(encoder, seed=seed, correlated=correlated) for correlated in (False, True)
    )
    card: dict[str, object] = {
        "space": space_name,
        "architectures": len(train),
        "held_out": len(held_out),
        "options": asdict(options),
        "seed": seed,
        "seconds": round(seconds, 1),
        "parameters": sum(parameter.numel() for parameter in encoder.model.parameters()),
        "reconstruction_percent": round(reconstruction(encoder, held_out), 2),
        "valid_percent": round(drawn.valid, 1),
        "unique_percent": round(drawn.unique, 1),
        "correlated_valid_percent": round(together.valid, 1),
        "correlated_unique_percent": round(together.unique, 1),
        "edit_spearman_mean": round(edit_correlation(encoder, held_out, "mean", seed=seed), 3),
        "edit_spearman_nodes": round(edit_correlation(encoder, held_out, "nodes", seed=seed), 3),
        "digest": save_encoder(encoder, folder / f"{space_name}.safetensors"),
    }
    (folder / f"{space_name}.md").write_text(_card(space_name, card), encoding="utf-8")
    return card


def _card(space: str, card: dict[str, object]) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in card.items())
    return f"""# Encoder of `{space}`

arch2vec (Yan et al., NeurIPS 2020): a variational graph isomorphism autoencoder
(`encoders/arch2vec/model.py`).

- **Data**: the space's architectures as graphs; no labels, no benchmark table.
- **Command**: `netwright train encoder {space}`
- **Digest**: `{card["digest"]}`

`reconstruction_percent` is of held-out architectures, whole graphs; `valid_percent` and `unique_percent` are
of 1,000 decoded samples of the prior, nothing taken as known, `correlated_…` with the latents' full
covariance; `edit_spearman_…` is the correlation of Euclidean distance and number of differing slots among
held-out architectures, for the mean over nodes and for all nodes.

| figure | value |
|---|---|
{lines}
"""
