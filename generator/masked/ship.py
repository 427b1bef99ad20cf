"""Trains a space's generator and writes its weights with a card: ``netwright train generator``."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from generator.facts import facts_of
from generator.masked.train import TrainingOptions, train_generator
from generator.masked.weights import read_generator, save_generator
from spaces.known import get_space
from spaces.space import Space


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
    path = folder / f"{space_name}.safetensors"
    save_generator(model, path)
    return _write_card(space, path, card)


def refresh_card(space_name: str, folder: Path) -> dict[str, object]:
    """Measures the weights that lie in a folder and writes their card again; what it says of the training
    stays.

    Raises:
        DamagedWeights: where the weights cannot be read.
        FileNotFoundError: where there is no card.
    """
    path = folder / f"{space_name}.safetensors"
    trained = {
        name: value
        for name, value in facts_of(path.with_suffix(".md").read_text(encoding="utf-8")).items()
        if name in _TRAINED
    }
    return _write_card(get_space(space_name), path, trained)


def command(space: Space, options: Mapping[str, object]) -> str:
    """The command that trains with some options.

    Raises:
        ValueError: where no command does.
    """
    usual = asdict(TrainingOptions.of(space))
    if {**usual, "steps": options["steps"]} != options:
        raise ValueError(f"netwright train generator has no option for {options}")
    steps = "" if options == usual else f" --steps {options['steps']}"
    return f"netwright train generator {space.name}{steps}"


_TRAINED = ("space", "architectures", "options", "seed", "bound_nats", "seconds", "cpu_seconds", "parameters")


def _write_card(space: Space, path: Path, trained: dict[str, object]) -> dict[str, object]:
    """Measures the weights in a file and writes their card."""
    model = read_generator(path, space)
    seed = int(str(trained["seed"]))
    samples = model.sample(1000, seed=seed)
    asked = model.conditions.of_codes(space, space.sample(1000, np.random.default_rng(seed + 1)))
    steered = model.sample(1000, seed=seed + 1, targets=asked)
    got = model.conditions.of_codes(space, steered.codes[steered.valid])
    error = np.abs(got - asked[steered.valid]).mean(axis=0)
    card = trained | {
        "valid_percent": round(100 * float(samples.valid.mean()), 2),
        "unique_percent": round(100 * len(np.unique(samples.codes[samples.valid], axis=0)) / 1000, 2),
        "condition_error": {
            name: round(float(value), 3) for name, value in zip(model.conditions.names, error, strict=True)
        },
    }
    path.with_suffix(".md").write_text(_card(space, model.digest, card), encoding="utf-8")
    return card | {"digest": model.digest}


def _card(space: Space, digest: str, card: dict[str, object]) -> str:
    options = card["options"]
    assert isinstance(options, dict)
    lines = "\n".join(f"| {name} | {value} |" for name, value in card.items())
    return f"""# Generator of `{space.name}`

Masked graph diffusion (`generator/masked/diffusion.py`): a small graph transformer that fills masked slots.

- **Data**: architectures of the space drawn uniformly, with their exact statistics; no benchmark table.
- **Command**: `{command(space, options)}`
- **Digest**: `{digest}`

`bound_nats` is the training bound (nats an architecture, running mean); `valid_percent` and `unique_percent`
are of 1,000 raw samples; `condition_error` is the mean distance between the statistic asked for and the one
got, in standard deviations of the space. The last three are measured on the bytes that ship.

| figure | value |
|---|---|
{lines}
"""
