"""Files as someone would upload them for a task: drawn from a seed, so that nothing of them is cached."""

import io
import zipfile
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Draw = Callable[[np.random.Generator, int], Pixels]
"""A random generator and a class → an image."""


def zipped(classes: int, images: int, draw: Draw, seed: int) -> bytes:
    """A zip of class folders of so many images each, as PNG."""
    rng, made = np.random.default_rng(seed), io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for label in range(classes):
            for number in range(images):
                file = io.BytesIO()
                Image.fromarray(draw(rng, label)).save(file, "PNG")
                # With a date of its own: the same seed gives the same bytes at any time.
                entry = zipfile.ZipInfo(f"class{label:03}/{number:02}.png")
                archive.writestr(entry, file.getvalue())
    return made.getvalue()


def patches(rng: np.random.Generator, label: int) -> Pixels:
    """Coloured patches, 32×32, in hues of the class; as slow to embed as a photograph."""
    hue = np.random.default_rng(label).integers(0, 256, (1, 1, 3))
    coarse = (hue + rng.integers(-90, 90, (8, 8, 3))).clip(0, 255).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((32, 32), Image.Resampling.BICUBIC))


def grey_strokes(rng: np.random.Generator, label: int) -> Pixels:
    """White strokes on black, 28×28, in one channel."""
    image = np.zeros((28, 28), dtype=np.uint8)
    angle, along = label * np.pi / 10, np.linspace(-9, 9, 60)
    middle = 14 + rng.normal(0, 1.5, 2)
    rows = (middle[0] + along * np.sin(angle)).round().astype(int).clip(1, 26)
    columns = (middle[1] + along * np.cos(angle)).round().astype(int).clip(1, 26)
    image[rows, columns] = image[rows + 1, columns] = 255
    return image


def noise(rng: np.random.Generator, label: int) -> Pixels:
    """Uniform noise, 32×32, the same for every class."""
    return rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
