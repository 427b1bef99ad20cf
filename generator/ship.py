"""Trains a space's generator and writes its weights with a card: ``netwright train generator``."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from generator.train import TrainingOptions, train_generator
from generator.weights import save_generator
from spaces.space import get_space


def ship_generator(
    space_name: str,
    folder: Path,
    *,
    seed: int = 0,
    options: TrainingOptions | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, object]:
    """Writes ``<space>.safetensors`` and its card ``<space>.md``; returns what the card says."""
    space = get_space(space_name)
    model, card = train_generator(space, seed=seed, options=options, device=device, progress=progress)
    rng = np.random.default_rng(seed + 1)
    samples = model.sample(1000, seed=seed)
    asked = model.conditions.of_codes(space, space.sample(1000, rng))
    steered = model.sample(1000, seed=seed + 1, targets=asked)
    got = model.conditions.of_codes(space, steered.codes[steered.valid])
    error = np.abs(got - asked[steered.valid]).mean(axis=0)
    card |= {
        "valid_percent": round(100 * float(samples.valid.mean()), 2),
        "unique_percent": round(100 * len(np.unique(samples.codes[samples.valid], axis=0)) / 1000, 2),
        "condition_error": {
            name: round(float(value), 3) for name, value in zip(model.conditions.names, error, strict=True)
        },
    }
    digest = save_generator(model, folder / f"{space_name}.safetensors")
    (folder / f"{space_name}.md").write_text(_card(space_name, digest, card), encoding="utf-8")
    return card | {"digest": digest}


def _card(space: str, digest: str, card: dict[str, object]) -> str:
    options = card["options"]
    assert isinstance(options, dict)
    steps = "" if options["steps"] == TrainingOptions().steps else f" --steps {options['steps']}"
    lines = "\n".join(f"| {name} | {value} |" for name, value in card.items())
    return f"""# Generator of `{space}`

Masked graph diffusion (`generator/masked.py`): a small graph transformer that fills masked slots.

- **Data**: members of the space drawn uniformly, with their exact statistics; no benchmark table.
- **Command**: `netwright train generator {space}{steps}`
- **Digest**: `{digest}`

`bound_nats` is the training bound (nats an architecture, running mean); `valid_percent` and `unique_percent`
are of 1,000 raw samples; `condition_error` is the mean distance between the statistic asked for and the one
got, in standard deviations of the space.

| figure | value |
|---|---|
{lines}
"""
