"""Computes a space's scores and writes them with a card: ``netwright train scores``."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.tables import Tables
from encoders.proxies.compute import CLASSES, SIDE, compute_scores
from encoders.proxies.table import SMALL, ScoreSet, classes, save_scores
from spaces.known import get_space
from spaces.space import Space

EVALUATED_ON = ("accuracy@cifar10", "accuracy@cifar100", "accuracy@cifar10-fp32")
"""Columns that the card correlates the scores with, where they are here; the scores never see them."""


def ship_scores(
    space_name: str,
    folder: Path,
    *,
    tables: Tables,
    seed: int = 0,
    wanted: ScoreSet = SMALL,
    resume: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, object]:
    """Writes ``<space><suffix>.safetensors`` and its card beside it; returns what the card says.

    Args:
        space_name: a space that can be enumerated and has networks.
        folder: where to write.
        tables: measured truth, for the card's correlations alone.
        seed: of weights, images and targets.
        wanted: which scores, on which skeleton.
        resume: see :func:`encoders.proxies.compute.compute_scores`.
        progress: called with done, total and a message.

    Raises:
        NoNetwork: where the space has no networks.
        ValueError: where it is too large to enumerate.
    """
    space = get_space(space_name)
    known = classes(space)
    computed = compute_scores(space, known.codes, seed=seed, wanted=wanted, resume=resume, progress=progress)
    card: dict[str, object] = {
        "space": space_name,
        "networks": len(known.keys),
        "seed": seed,
        "images": f"{wanted.images} of {SIDE}×{SIDE}, standard normal, {CLASSES} random classes",
        "seconds": round(computed.seconds, 1),
        "no_signal": {
            name: int(np.isinf(column).sum())
            for name, column in zip(wanted.names, computed.values.T, strict=True)
        },
    }
    path = folder / f"{space_name}{wanted.suffix}.safetensors"
    card["digest"] = save_scores(space, wanted.names, computed.values, path, seed=seed)
    correlations = correlate(space, wanted.names, computed.values[known.rows], tables)
    path.with_suffix(".md").write_text(_card(space_name, wanted, card, correlations), encoding="utf-8")
    return card | {"spearman": correlations}


def correlate(
    space: Space, names: tuple[str, ...], values: NDArray[np.float32], tables: Tables
) -> dict[str, dict[str, float]]:
    """Spearman correlation of every score with every accuracy column that is here, over all architectures.

    Args:
        space: whose architectures.
        names: of the scores, (k,).
        values: (size, k), a row for each architecture in the order of ``space.enumerate()``.
        tables: measured truth.
    """
    codes = space.enumerate()
    found: dict[str, dict[str, float]] = {}
    for key in (column.key for column in tables.columns(space.name) if column.key in EVALUATED_ON):
        if tables.available(space.name, key) is not None:
            continue
        truth = tables.values(space.name, key, codes)
        measured = ~np.isnan(truth)
        found[key] = {
            name: round(float(spearmanr(column[measured], truth[measured]).statistic), 3)
            for name, column in zip(names, values.T, strict=True)
        }
    return found


def _card(
    space: str, wanted: ScoreSet, card: dict[str, object], correlations: dict[str, dict[str, float]]
) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in card.items())
    columns = list(correlations)
    header = f"| score | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}"
    rows = "\n".join(
        f"| {name} | {' | '.join(str(correlations[key][name]) for key in columns)} |" for name in wanted.names
    )
    if wanted.small:
        of, network, option = "", "the small network (one cell a stage, half the channels),", ""
        deeper = " (a deeper skeleton ranks by gradient norm and SNIP better)"
    else:
        of, network, option, deeper = " of the trained network", "the network that is trained,", " --deep", ""
    return f"""# Zero-cost proxies of `{space}`{of}

One row for each function that the space's architectures compute (isomorphism keys, sorted), by the
architecture with the fewest parameters: {network} at initialization.
Our own computed values; nothing is taken from a benchmark table.

- **Command**: `netwright train scores {space}{option}`
- **Digest**: `{card["digest"]}`

`no_signal` counts the networks whose score is minus infinity: what goes in does not come out.

| figure | value |
|---|---|
{lines}

Spearman correlation over all architectures, ties included{deeper}:

{header}
{rows}
"""
