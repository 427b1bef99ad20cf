"""Batches of a training: their order and augmentation follow from seed, epoch and step alone.

So an interrupted training continues with the batches that it would have had.
"""

import numpy as np
import torch
from torch import Tensor

from networks.images.dataset import ImageSet, Part


class Batches:
    """Normalized batches of a data set.

    Args:
        images: the data set.
        size: images in a batch; the last one of an epoch may have fewer, but never a single one.
        augmentation: see :class:`networks.training.recipe.Recipe`.
        seed: of order and augmentation.
    """

    def __init__(self, images: ImageSet, size: int, augmentation: str, seed: int) -> None:
        self.images = images
        self.size = min(size, len(images.train))
        self.augmentation = augmentation
        self.seed = seed
        self._mean = torch.tensor(images.mean).view(3, 1, 1)
        self._std = torch.tensor(images.std).view(3, 1, 1)

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        whole, rest = divmod(len(self.images.train), self.size)
        # A batch norm cannot learn from a single image.
        return max(1, whole + (rest > 1))

    def order(self, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The training images' order in an epoch."""
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.images.train))

    def batch(
        self, order: np.ndarray[tuple[int], np.dtype[np.int64]], epoch: int, step: int
    ) -> tuple[Tensor, Tensor]:
        """Images (b, 3, side, side) and labels (b,) of one training step."""
        index = order[step * self.size : (step + 1) * self.size]
        rng = np.random.default_rng([self.seed, epoch, step])
        x = augment(self.images.train.x[index], self.augmentation, rng)
        return self._normalized(x), torch.from_numpy(self.images.train.y[index])

    def plain(self, part: Part, start: int, size: int) -> tuple[Tensor, Tensor]:
        """Images and labels of a part as they are, from ``start`` on."""
        end = start + size
        return self._normalized(np.asarray(part.x[start:end])), torch.from_numpy(part.y[start:end].copy())

    def _normalized(self, x: np.ndarray) -> Tensor:
        image = torch.from_numpy(np.array(x, order="C")).permute(0, 3, 1, 2).to(torch.float32)
        return ((image - self._mean) / self._std).contiguous()


def augment(x: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Augmented images (b, side, side, 3); what moves in from outside is the mirrored border.

    Args:
        x: (b, side, side, 3).
        kind: see :class:`networks.training.recipe.Recipe`.
        rng: draws the same number of values whatever the images.
    """
    if kind == "none":
        return x
    count, side = x.shape[:2]
    columns = np.broadcast_to(np.arange(side), (count, side))
    rows = columns
    mirrored = np.asarray(rng.random(count) < 0.5)
    columns = np.where(mirrored[:, None], columns[:, ::-1], columns)
    if kind in ("standard", "cutout"):
        reach = max(1, side // 8)
        rows = _reflected(rows + rng.integers(-reach, reach + 1, size=(count, 1)), side)
        columns = _reflected(columns + rng.integers(-reach, reach + 1, size=(count, 1)), side)
    moved = x[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
    if kind == "cutout":
        center = rng.integers(0, side, size=(2, count, 1))
        tall, wide = (np.abs(np.arange(side) - middle) < side // 4 for middle in center)  # (b, side)
        blank: np.ndarray = tall[:, :, None] & wide[:, None, :]
        moved[blank] = x.mean(axis=(0, 1, 2)).astype(np.uint8)
    return moved


def _reflected(index: np.ndarray, side: int) -> np.ndarray:
    """Indices mirrored at both borders of 0 … side − 1."""
    index = np.abs(index)
    return np.asarray(np.where(index >= side, 2 * side - 2 - index, index))
