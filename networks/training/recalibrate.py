"""Batch norms whose statistics are those of a network's own signals (Yu & Huang, ICCV 2019).

A network that was cut out of a larger one, or whose images have another size, has other signals than those
that the statistics were computed from.
"""

from collections.abc import Callable

import torch
from torch import nn

from networks.images.dataset import ImageSet
from networks.training.batches import Batches

IMAGES, BATCH = 1024, 128
"""Training images that are looked at, and of which a batch consists."""


def recalibrate(
    network: nn.Module,
    images: ImageSet,
    *,
    most: int = IMAGES,
    before_batch: Callable[[], object] = lambda: None,
) -> None:
    """Gives the batch norms the mean statistics of batches of training images; nothing else changes.

    Args:
        network: its mode stays as it is.
        images: normalized as the network wants them.
        most: training images that are looked at; the first ones, which are in a random order.
        before_batch: called before each batch; what it raises ends the work, and the statistics mean nothing.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    if not norms:
        return
    momenta, training = [norm.momentum for norm in norms], network.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over batches
    batches = Batches(images, BATCH, "none", 0)
    count = min(most, len(images.train))
    try:
        network.train()
        with torch.no_grad():
            for start in range(0, count, BATCH):
                if count - start == 1 and start:
                    break  # a batch norm cannot learn from a single image
                before_batch()
                network(batches.plain(images.train, start, min(BATCH, count - start))[0])
    finally:
        network.train(training)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
