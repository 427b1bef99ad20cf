"""How a network is trained: the recipe, and at which fidelity. Plain data, recorded with every result."""

from dataclasses import asdict, dataclass, field, replace
from typing import ClassVar, Self

from networks.options import limited
from spaces.costs.network_config import FULL, RESOLUTIONS, SKELETONS

SCRATCH, PRETRAINED = "scratch", "pretrained"
INITS = (SCRATCH, PRETRAINED)
"""Weights that a training begins with."""
_LEARNING_RATES = {
    (SCRATCH, "sgd"): 0.1,
    (SCRATCH, "adamw"): 0.1,
    (PRETRAINED, "sgd"): 0.01,
    (PRETRAINED, "adamw"): 0.001,
}
OPTIMIZERS = ("sgd", "adamw")
AUGMENTATIONS = ("none", "flip", "standard", "cutout")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a training besides the network and the images.

    The learning rate rises linearly over the first twentieth of the steps and then falls along a half cosine
    to zero (Loshchilov & Hutter, ICLR 2017).

    Args:
        optimizer: ``sgd`` (Nesterov momentum .9) or ``adamw``; None: ``sgd`` for new weights, ``adamw`` for
            pretrained ones.
        learning_rate: its highest value, at the given batch size; None: 0.1 for new weights; for pretrained
            ones 0.001 with ``adamw``, 0.01 with ``sgd``.
        epochs: passes over the training images.
        batch_size: images in a step.
        weight_decay: of weights with more than one dimension; not of biases and batch norms.
        label_smoothing: share of a label's weight that all classes divide (Szegedy et al., CVPR 2016).
        augmentation: ``none``; ``flip`` mirrors half of the images; ``standard`` also moves them by up to an
            eighth; ``cutout`` also blanks a square of half the side (DeVries & Taylor, 2017).
    """

    schedule: ClassVar[str] = "cosine"

    optimizer: str | None = limited(None, choices=OPTIMIZERS, kind=str)
    learning_rate: float | None = limited(None, low=1e-6, high=10.0, kind=float)
    epochs: int = limited(12, low=1, high=1000)
    batch_size: int = limited(128, low=1, high=4096)
    weight_decay: float = limited(5e-4, low=0.0, high=1.0)
    label_smoothing: float = limited(0.0, low=0.0, high=0.9)
    augmentation: str = limited("standard", choices=AUGMENTATIONS)

    def completed(self, init: str = SCRATCH) -> Self:
        """The recipe with what it leaves open.

        >>> Recipe().completed().learning_rate, Recipe(learning_rate=0.5).completed(PRETRAINED).learning_rate
        (0.1, 0.5)
        """
        optimizer = self.optimizer or ("adamw" if init == PRETRAINED else "sgd")
        usual = _LEARNING_RATES[init, optimizer]
        learning_rate = usual if self.learning_rate is None else self.learning_rate
        return replace(self, optimizer=optimizer, learning_rate=learning_rate)

    def to_dict(self) -> dict[str, object]:
        """The recipe as JSON, what is fixed included."""
        return asdict(self) | {"schedule": self.schedule}


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """A training's recipe, data and fidelity.

    Args:
        data: name of a data set; None: the task's name.
        resolution: side of the square images in pixels; None: as they are, or the architecture's own where
            the space has it as a variable.
        network: ``full``, or ``small``: the space's reduced skeleton, narrower and shallower.
        images: training images used, validation among them; None: all.
        seeds: trainings from different initial weights, whose mean is the value.
        patience: epochs without a better validation accuracy after which to stop; the best epoch then counts.
            None: never early, the last epoch counts.
        init: ``scratch``: new weights; ``pretrained``: those of the space's backbone with a new classifier,
            and batch norms recalibrated on training images. None: pretrained where the space has a backbone.
        recipe: how each is trained.
    """

    data: str | None = limited(None, kind=str)
    resolution: int | None = limited(None, low=RESOLUTIONS[0], high=RESOLUTIONS[1], kind=int)
    network: str = limited(FULL, choices=SKELETONS)
    images: int | None = limited(None, low=20, high=10_000_000, kind=int)
    seeds: int = limited(1, low=1, high=20)
    patience: int | None = limited(None, low=1, high=1000, kind=int)
    init: str | None = limited(None, choices=INITS, kind=str)
    recipe: Recipe = field(default_factory=Recipe, metadata={"nested": Recipe})

    def completed(self, pretrains: bool) -> Self:
        """The options with what they leave to the space: the weights to begin with, and the learning rate.

        Args:
            pretrains: whether the space has a backbone.
        """
        usual = PRETRAINED if pretrains and self.network == FULL else SCRATCH
        init = self.init or usual
        return replace(self, init=init, recipe=self.recipe.completed(init))

    @property
    def fidelity(self) -> str:
        """What is spent, in a word: epochs, side, network, images, and whether weights are inherited.

        >>> TrainingOptions(resolution=16, images=5000, recipe=Recipe(epochs=4)).fidelity
        '4ep-16px-5000img'
        """
        parts = [f"{self.recipe.epochs}ep"]
        parts += [f"{self.resolution}px"] if self.resolution is not None else []
        parts += [] if self.network == FULL else [self.network]
        parts += [f"{self.images}img"] if self.images is not None else []
        parts += [f"{self.seeds}seeds"] if self.seeds > 1 else []
        parts += [PRETRAINED] if self.init == PRETRAINED else []
        return "-".join(parts)
