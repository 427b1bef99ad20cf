"""Generators that do not ship: trained for a declared space, and read back from their weights."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from generator.masked.diffusion import MaskedDiffusion
from generator.masked.kept import keep_generator
from generator.masked.train import TrainingOptions, train_generator
from generator.masked.weights import read_generator, save_generator
from spaces.space import Space

OPTIONS = TrainingOptions(steps=400, batch=256, architectures=20_000)
"""About half a minute of one core for a space of a dozen variables."""


def train_own(
    space: Space,
    *,
    seed: int = 0,
    options: TrainingOptions = OPTIONS,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> tuple[bytes, dict[str, object]]:
    """Trains a declared space's generator on uniform draws; returns its weights and what its card says.

    Args:
        space: declared.
        seed: every random choice follows from it.
        options: how long.
        device: where torch trains.
        progress: called with done, total and a message, often.
    """
    model, card = train_generator(space, seed=seed, options=options, device=device, progress=progress)
    samples = model.sample(1000, seed=seed)
    card["valid_percent"] = round(100 * float(samples.valid.mean()), 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.safetensors"
        save_generator(model, path)
        return path.read_bytes(), card


def read_own(weights: bytes, space: Space) -> MaskedDiffusion:
    """The generator of :func:`train_own`'s weights, kept by this process from now on.

    Raises:
        DamagedWeights: for anything else.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.safetensors"
        path.write_bytes(weights)
        model = read_generator(path, space)
    keep_generator(model)
    return model
