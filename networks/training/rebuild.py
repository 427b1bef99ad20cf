"""A trained network again, from its weights alone: they say what they are of."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import nn

from networks.build import build
from networks.images.dataset import ImageSet
from networks.training.checkpoint import read_weights
from networks.training.recipe import TrainingOptions
from spaces.costs.network_config import NetworkConfig
from spaces.known import get_space


def identity_of(
    space: str,
    architecture: str,
    options: TrainingOptions,
    images: ImageSet,
    seed: int,
    task: str | None = None,
) -> dict[str, Any]:
    """All that a training follows from; written into its checkpoints and weights.

    Args:
        space: its name.
        architecture: canonical string.
        options: recipe and fidelity.
        images: what is learned from.
        seed: of weights, order and augmentation.
        task: whose version of the network, where a space has several.
    """
    return {
        "space": space,
        "task": task,
        "architecture": architecture,
        "options": asdict(options) | {"seeds": None, "data": None},
        "images": images.about(),
        "classes": list(images.classes),
        "mean": list(images.mean),
        "std": list(images.std),
        "seed": seed,
    }


def config_of(identity: Mapping[str, Any]) -> NetworkConfig:
    """Which network of the architecture an identity names."""
    return get_space(identity["space"]).network_config(
        identity["task"],
        classes=len(identity["classes"]),
        resolution=identity["images"]["side"],
        skeleton=identity["options"]["network"],
    )


def untrained(identity: Mapping[str, Any]) -> nn.Module:
    """The network that an identity names, with new weights from torch's global generator."""
    return build(identity["space"], identity["architecture"], config_of(identity))


def rebuild(content: bytes) -> tuple[nn.Module, dict[str, Any]]:
    """A trained network in evaluation mode, and what its weights say of themselves.

    Images go in as (b, 3, h, w) float32 after ``(pixel − mean) / std`` of each channel, pixels in 0 to 255.

    Args:
        content: safetensors that :func:`networks.training.checkpoint.pack_weights` wrote.

    Raises:
        BadCheckpoint: it is nothing of that kind.
    """
    about, weights = read_weights(content)
    network = untrained(about)
    network.load_state_dict(weights)
    return network.eval(), about
