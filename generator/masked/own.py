"""Generators that do not ship: trained for a declared space, kept by this process under the space's name."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from generator.masked.diffusion import MaskedDiffusion
from generator.masked.train import TrainingOptions, train_generator
from generator.masked.weights import read_generator, save_generator
from spaces.space import Space

MAX_KEPT = 8
OPTIONS = TrainingOptions(steps=400, batch=256, members=20_000)
"""About half a minute of one core for a space of a dozen variables."""

_kept: "OrderedDict[str, MaskedDiffusion]" = OrderedDict()
_lock = threading.Lock()


def keep_generator(model: MaskedDiffusion) -> None:
    """Makes a generator the one of its space in this process; the last ``MAX_KEPT`` are kept."""
    with _lock:
        _kept[model.space.name] = model
        _kept.move_to_end(model.space.name)
        while len(_kept) > MAX_KEPT:
            _kept.popitem(last=False)


def kept_generator(space: str) -> MaskedDiffusion | None:
    """What :func:`keep_generator` was given last for a space; None where that is gone."""
    with _lock:
        if space in _kept:
            _kept.move_to_end(space)
        return _kept.get(space)


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
