"""A linear probe: logistic regression on a frozen backbone's last features (Alain & Bengio, 2016).

What anyone has in a minute from a pretrained network; a search that stays behind it was not worth its time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from networks.images.dataset import ImageSet, Part
from networks.pretrained.efficientnet_lite import MEAN, STD, PackagedLite, load
from networks.training.train import TrainingStopped

BATCH = 128
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Weights of the squared norm, of which the validation images choose one."""
STEPS = 200
"""Of L-BFGS at most."""


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """What a linear probe reached.

    Args:
        accuracy: on the validation images, in percent, after learning from the training images.
        right: test images answered right after learning from both; None without test images.
        decay: that the validation images chose.
        seconds: spent.
    """

    accuracy: float
    right: int | None
    decay: float
    seconds: float


def linear_probe(
    space_name: str, images: ImageSet, should_stop: Callable[[], bool] = lambda: False
) -> LinearProbe:
    """The linear probe of a space's backbone on images of any side; the same for the same images.

    Args:
        space_name: of a backbone.
        images: with validation images.
        should_stop: asked before each batch.

    Raises:
        BackboneUnavailable: the package of the weights is not installed.
        TrainingStopped: ``should_stop`` said so.
    """
    began = time.perf_counter()
    network = load(space_name)
    train, validation, test = (
        features(network, part, should_stop) for part in (images.train, images.validation, images.test)
    )
    labels, shown = (
        torch.from_numpy(np.array(images.train.y)),
        torch.from_numpy(np.array(images.validation.y)),
    )
    classes = len(images.classes)
    reached = []
    for decay in DECAYS:
        weights = fitted(train, labels, classes, decay, should_stop)
        reached.append(_percent(_right(weights, validation, shown), len(shown)))
    best = int(np.argmax(reached))  # of equals the least decay
    right = None
    if len(images.test):
        both = torch.cat([train, validation]), torch.cat([labels, shown])
        weights = fitted(*both, classes, DECAYS[best], should_stop)
        right = _right(weights, test, torch.from_numpy(np.array(images.test.y)))
    return LinearProbe(reached[best], right, DECAYS[best], time.perf_counter() - began)


def features(network: PackagedLite, part: Part, should_stop: Callable[[], bool]) -> Tensor:
    """What the classifier of a backbone gets of images: (n, 1280), with a last column of ones."""
    found: list[Tensor] = [torch.empty(0, network.rows.shape[1])]
    with torch.no_grad():
        for start in range(0, len(part), BATCH):
            if should_stop():
                raise TrainingStopped("stopped during the linear probe")
            x = torch.from_numpy(np.array(part.x[start : start + BATCH])).permute(0, 3, 1, 2).float()
            found.append(network.pooled((x - MEAN) / STD))
    rows = torch.cat(found)
    return torch.cat([rows, torch.ones(len(rows), 1)], dim=1)


def fitted(
    rows: Tensor, labels: Tensor, classes: int, decay: float, should_stop: Callable[[], bool]
) -> Tensor:
    r"""Weights (d, classes) that minimize :math:`-\overline{\log p} + \frac{\lambda}{2} \|W\|^2`.

    Args:
        rows: (n, d), the last column ones, whose weights are not decayed.
        labels: (n,).
        classes: how many.
        decay: λ.
        should_stop: asked before each step.
    """
    weights = torch.zeros(rows.shape[1], classes, requires_grad=True)
    kinds: Sequence[Tensor] = [weights]
    optimizer = torch.optim.LBFGS(kinds, max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        if should_stop():
            raise TrainingStopped("stopped during the linear probe")
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(rows @ weights, labels)
        value = value + 0.5 * decay * weights[:-1].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weights.detach()


def _right(weights: Tensor, rows: Tensor, labels: Tensor) -> int:
    return int(((rows @ weights).argmax(dim=1) == labels).sum())


def _percent(right: int, count: int) -> float:
    return round(100.0 * right / count, 4) if count else 0.0
