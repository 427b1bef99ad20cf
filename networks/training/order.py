"""How a network that is taken away is trained: plain data, kept with the order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from networks.options import read_options
from networks.training.recipe import PRETRAINED, SCRATCH, Recipe, TrainingOptions

BUNDLE_STEPS = 1
"""Of a job's steps, behind those of the epochs."""


@dataclass(frozen=True, slots=True)
class NetworkOrder:
    """What a training of one architecture needs besides its name and its images.

    Args:
        start: see :mod:`networks.training.start`.
        recipe: how it is trained.
        resolution: side of the images in pixels; None: as they are.
        network: ``full``, or ``small``: the space's reduced skeleton.
        task: whose version of the network, where a space has several.
        seed: of weights, order and augmentation.
        weights: name of the blob with the weights to start from, for ``search``.
        search: what the card tells of the design that found the architecture.
        predicted: what the card tells of predictions; quantity key → prediction.
        teacher: whether it learns from the packaged backbone too, which is trained first
            (:mod:`networks.training.distillation`).
    """

    start: str = "scratch"
    recipe: Recipe = field(default_factory=Recipe)
    resolution: int | None = None
    network: str = "full"
    task: str | None = None
    seed: int = 0
    weights: str | None = None
    search: Mapping[str, object] = field(default_factory=dict)
    predicted: Mapping[str, object] = field(default_factory=dict)
    teacher: bool = False

    @property
    def steps(self) -> int:
        """Of the job: epochs, those of the teacher too, and the bundle."""
        return self.recipe.epochs * (2 if self.teacher else 1) + BUNDLE_STEPS

    @property
    def training(self) -> TrainingOptions:
        """The same as a training's options."""
        return TrainingOptions(resolution=self.resolution, network=self.network, recipe=self.recipe)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON, the recipe with what it leaves to the start."""
        recipe = self.recipe.completed(PRETRAINED if self.start == PRETRAINED else SCRATCH).to_dict()
        del recipe["schedule"]
        return {
            "from": self.start,
            "recipe": recipe,
            "resolution": self.resolution,
            "network": self.network,
            "task": self.task,
            "seed": self.seed,
            "weights": self.weights,
            "search": dict(self.search),
            "predicted": dict(self.predicted),
            **({"teacher": True} if self.teacher else {}),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> "NetworkOrder":
        """What :meth:`to_dict` wrote.

        >>> order = NetworkOrder(recipe=Recipe(epochs=3).completed(), seed=5)
        >>> NetworkOrder.from_dict(order.to_dict()) == order
        True
        """
        rest = {name: value for name, value in body.items() if name not in ("from", "recipe")}
        recipe = read_options(Recipe, body["recipe"], "recipe")
        return cls(start=body["from"], recipe=recipe, **rest)
