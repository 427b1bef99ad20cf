"""Weights of ``score_sde`` as one safetensors file with a card, and the ones that ship."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from encoders.safetensors_about import in_order
from generator.facts import facts_of
from generator.masked.weights import DamagedWeights
from generator.score_sde.diffusion import ScoreOptions, ScoreSde
from generator.score_sde.score_network import ScoreNetwork, ScoreShape
from generator.score_sde.train import ScoreTraining, train_score_sde
from generator.shipped import score_sde_path
from generator.split import training_share
from spaces.known import get_space
from spaces.space import Codes, Space

FORMAT = "netwright-score-sde-1"
SHARE = 0.5
"""Of the space's architectures; the rest shows how many samples are new."""


def save_score_sde(model: ScoreSde, path: Path) -> str:
    """Writes weights and what is needed to rebuild the network; returns the file's digest."""
    metadata = {
        "format": FORMAT,
        "space": model.space.name,
        "shape": json.dumps(asdict(model.network.shape)),
        "diffusion": json.dumps(asdict(model.options)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous().cpu() for name, tensor in model.network.state_dict().items()}
    path.write_bytes(in_order(save(state, metadata)))
    return _digest(path)


def read_score_sde(path: Path, space: Space) -> ScoreSde:
    """The model that :func:`save_score_sde` wrote.

    Raises:
        DamagedWeights: for a damaged file or another space's.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        if metadata.get("format") != FORMAT or metadata.get("space") != space.name:
            raise DamagedWeights(f"{path.name} holds no {FORMAT} weights of {space.name}")
        shape = ScoreShape(**json.loads(metadata["shape"]))
        network = ScoreNetwork(len(space.operations), torch.from_numpy(space.skeleton), shape)
        network.load_state_dict(state)
        options = ScoreOptions(**json.loads(metadata["diffusion"]))
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError, OSError) as error:
        raise DamagedWeights(f"{path.name} cannot be read: {error}") from error
    return ScoreSde(space, network, options, _digest(path))


@lru_cache(maxsize=4)
def load_score_sde(space: str) -> ScoreSde:
    """The shipped model of a space, loaded once a process.

    Raises:
        DamagedWeights: where none ships or the file is damaged.
    """
    return read_score_sde(score_sde_path(space), get_space(space))


def ship_score_sde(
    space_name: str,
    path: Path,
    *,
    seed: int = 0,
    options: ScoreTraining | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, object]:
    """Trains on a random half of a space, writes the weights and their card; returns what the card says.

    Raises:
        ValueError: for a space whose graph varies or whose architectures cannot be listed.
    """
    space = get_space(space_name)
    learned = training_share(space, SHARE, seed=seed)
    model, card = train_score_sde(
        space, learned, seed=seed, options=options, device=device, progress=progress
    )
    save_score_sde(model, path)
    return _write_card(space, path, card)


def refresh_score_card(space_name: str) -> dict[str, object]:
    """Measures the shipped weights of a space and writes their card again; what it says of the training
    stays.

    Raises:
        DamagedWeights: where none ships or the file is damaged.
    """
    path = score_sde_path(space_name)
    said = facts_of(path.with_suffix(".md").read_text(encoding="utf-8"))
    return _write_card(
        get_space(space_name), path, {name: value for name, value in said.items() if name in _TRAINED}
    )


_TRAINED = ("space", "architectures", "options", "seed", "loss", "seconds", "parameters")


def _write_card(space: Space, path: Path, trained: dict[str, object]) -> dict[str, object]:
    """Measures the weights in a file and writes their card."""
    model, seed = read_score_sde(path, space), int(str(trained["seed"]))
    drawn = model.sample(1000, seed=seed)
    learned = training_share(space, SHARE, seed=seed)
    card = trained | share_figures(drawn.codes[drawn.valid], learned, 1000)
    path.with_suffix(".md").write_text(_card(space.name, model.digest, card), encoding="utf-8")
    return card | {"digest": model.digest}


def share_figures(codes: Codes, learned: Codes, drawn: int) -> dict[str, object]:
    """Validity, uniqueness and novelty of raw samples, as DiffusionNAG's Table 1 counts them.

    Args:
        codes: (m, v), the valid ones.
        learned: what the model was trained on.
        drawn: how many were drawn.
    """
    unique = np.unique(codes, axis=0)
    known = {row.tobytes() for row in learned}
    new = sum(row.tobytes() not in known for row in codes)
    return {
        "valid_percent": round(100 * len(codes) / drawn, 2),
        "unique_percent": round(100 * len(unique) / max(len(codes), 1), 2),
        "novel_percent": round(100 * new / max(len(codes), 1), 2),
    }


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def _card(space: str, digest: str, card: dict[str, object]) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in card.items())
    return f"""# Score network of `{space}`

DiffusionNAG's method (`generator/score_sde/diffusion.py`): the score of the operations' noisy one-hots given
the graph. It is here to be compared with; designs use the masked diffusion.

- **Data**: a random half of the space's architectures (`generator/split.py`); no benchmark table.
- **Command**: `netwright train generator {space} --method score_sde`
- **Digest**: `{digest}`

`loss` is that of denoising score matching (running mean); the percentages are of 1,000 raw samples of
the bytes that ship: valid ones of all, distinct ones and ones outside the training half among the valid.

| figure | value |
|---|---|
{lines}
"""
