"""A data set that takes no download: stripes in four directions, with noise."""

from pathlib import Path

import numpy as np

SIDE, CLASSES, IMAGES, NOISE = 32, 4, 200, 40


def write(folder: Path) -> Path:
    """Writes ``stripes.npz`` into a folder of data sets; returns the folder."""
    rng = np.random.default_rng(0)
    labels = np.arange(IMAGES) % CLASSES
    row, column = np.mgrid[:SIDE, :SIDE]
    angles = np.pi * labels / CLASSES
    along = np.cos(angles)[:, None, None] * row + np.sin(angles)[:, None, None] * column
    waves = np.sin(along + rng.uniform(0, 2 * np.pi, (IMAGES, 1, 1)))  # (n, h, w)
    pixels = 127 + 60 * waves[..., None] + rng.normal(0, NOISE, (IMAGES, SIDE, SIDE, 3))
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "stripes.npz", x=pixels.clip(0, 255).astype(np.uint8), y=labels)
    return folder
