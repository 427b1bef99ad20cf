"""The training loop: one network, one recipe, one seed; stoppable at every step and resumable from there.

On the CPU, with one number of threads and one seed the result is the same, whether or not it was interrupted.
On a GPU sums have no fixed order, and forward passes are in bfloat16 (:mod:`networks.training.device`).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from networks.images.dataset import ImageSet, Part
from networks.training.batches import Batches
from networks.training.checkpoint import BadCheckpoint, Place, pack, pack_weights, unpack
from networks.training.device import described, device_in_use, mixed_precision
from networks.training.distillation import distilled
from networks.training.recipe import Recipe

EVALUATION_BATCH = 256
WARM_UP = 0.05
"""Share of the steps over which the learning rate rises."""
CHECKPOINT_SECONDS = 30.0
"""A checkpoint lies behind every epoch, and within long ones as often as this."""


class TrainingStopped(RuntimeError):
    """The caller asked to stop; the last checkpoint is where to go on."""


class Diverged(RuntimeError):
    """The loss is no longer finite; the same training would do the same again."""


@dataclass(frozen=True, slots=True)
class Trained:
    """How a training ended.

    Args:
        accuracy: on the validation images, in percent, of the weights that count; without any, on the
            training images as the last epoch saw them.
        test_accuracy: on the test images; None without any.
        epochs: that were trained.
        history: loss and accuracy of each epoch, on the same images as ``accuracy``.
        weights: safetensors of the weights that count.
        seconds: spent, interruptions left out.
        device: where it ended, and with which precision.
    """

    accuracy: float
    test_accuracy: float | None
    epochs: int
    history: tuple[dict[str, float], ...]
    weights: bytes
    seconds: float
    device: str = "cpu, float32"


def train(
    make: Callable[[], nn.Module],
    images: ImageSet,
    recipe: Recipe,
    *,
    seed: int,
    patience: int | None = None,
    identity: dict[str, object] | None = None,
    teacher: Callable[[Tensor], Tensor] | None = None,
    checkpoint: bytes | None = None,
    save: Callable[[bytes, Place], None] = lambda content, place: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Trains a network.

    Args:
        make: builds it untrained; its weights come from torch's global generator.
        images: training and validation images.
        recipe: how.
        seed: of weights, order and augmentation; torch's global generator is left as it was.
        patience: epochs without a better validation accuracy before it ends; None: never.
        identity: whose training this is; a checkpoint of another one is not used.
        teacher: what scores it learns from too, of the same batches (:mod:`networks.training.distillation`).
        checkpoint: where to go on; one that cannot be used is ignored.
        save: called with each checkpoint, one behind every epoch at least.
        should_stop: asked before every step.

    Raises:
        TrainingStopped: ``should_stop`` said so; a checkpoint was saved before.
        Diverged: the loss became infinite or NaN.
    """
    device = device_in_use()
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(seed)
        network = make()
        run = _Run(
            network.to(device),
            images,
            recipe,
            seed=seed,
            patience=patience,
            identity=dict(identity or {}),
            save=save,
            should_stop=should_stop,
            teacher=teacher,
        )
        if checkpoint is not None:
            run.resume(checkpoint)
        return run.finish()


class _Run:
    """One training under way."""

    def __init__(
        self,
        network: nn.Module,
        images: ImageSet,
        recipe: Recipe,
        *,
        seed: int,
        patience: int | None,
        identity: dict[str, object],
        save: Callable[[bytes, Place], None],
        should_stop: Callable[[], bool],
        teacher: Callable[[Tensor], Tensor] | None,
    ) -> None:
        self.teacher = teacher
        self.network, self.images, self.recipe = network, images, recipe.completed()
        if _has_depthwise(network):  # twice as fast on a CPU
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.seed, self.patience, self.identity = seed, patience, identity
        self.save, self.should_stop = save, should_stop
        self.device = _device_of(network)
        self.optimizer = _optimizer(network, self.recipe)
        self.batches = Batches(images, recipe.batch_size, recipe.augmentation, seed)
        self.loss = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        self.place = Place()
        self.best: dict[str, Tensor] | None = None
        self._began = self._saved = time.monotonic()

    def resume(self, checkpoint: bytes) -> None:
        """Goes on from a checkpoint, if it is one of this training."""
        try:
            self.place, self.best = unpack(checkpoint, self.network, self.optimizer, self.identity)
        except BadCheckpoint:
            return  # it costs the time, not the result
        # As in a training that was not interrupted: other strides may be summed in another order.
        for parameter, state in self.optimizer.state.items():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.ndim == 4:
                    state[name] = torch.empty_like(parameter).copy_(value)
        self._began -= self.place.seconds

    def finish(self) -> Trained:
        """Trains the remaining epochs and evaluates."""
        while self.place.epoch < self.recipe.epochs and not self._patience_is_over():
            self._epoch()
        if self.best is not None:
            self.network.load_state_dict(self.best)
        state = self.network.state_dict().items()
        weights = {name: value.detach().to("cpu", copy=True) for name, value in state}
        reached = self.place.history[-1]["accuracy"] if self.place.history else 0.0
        if len(self.images.validation):
            reached = accuracy(self.network, self.images, self.images.validation, self.should_stop)
        test = None
        if len(self.images.test):
            test = accuracy(self.network, self.images, self.images.test, self.should_stop)
        return Trained(
            reached,
            test,
            self.place.epoch,
            tuple(self.place.history),
            pack_weights(weights, self.identity),
            time.monotonic() - self._began,
            described(self.device),
        )

    def _epoch(self) -> None:
        """The rest of the epoch at hand, and its validation."""
        place, order = self.place, self.batches.order(self.place.epoch)
        for step in range(place.step, self.batches.steps):
            if self.should_stop():
                self._checkpoint()
                raise TrainingStopped(f"stopped in epoch {place.epoch + 1}")
            loss, right = self._step(order, step)
            place.losses, place.right = place.losses + loss, place.right + right
            place.step = step + 1
            if time.monotonic() - self._saved > CHECKPOINT_SECONDS and place.step < self.batches.steps:
                self._checkpoint()
        try:
            reached = self._reached()
        except TrainingStopped:
            self._checkpoint()
            raise
        place.history.append(
            {"loss": round(place.losses / self.batches.steps, 6), "accuracy": round(reached, 4)}
        )
        if self.patience is not None and (
            place.best_epoch < 0 or reached > place.history[place.best_epoch]["accuracy"]
        ):
            place.best_epoch = place.epoch
            self.best = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        place.epoch, place.step, place.losses, place.right = place.epoch + 1, 0, 0.0, 0
        spent = time.monotonic() - self._began
        place.epoch_seconds, place.epoch_began = spent - place.epoch_began, spent
        self._checkpoint()

    def _reached(self) -> float:
        """Accuracy of the epoch at hand, in percent."""
        if len(self.images.validation):
            return accuracy(self.network, self.images, self.images.validation, self.should_stop)
        seen = min(self.batches.steps * self.batches.size, len(self.images.train))
        return 100.0 * self.place.right / seen

    def _step(self, order: object, step: int) -> tuple[float, int]:
        """One step; returns its loss and how many of its images were right before it."""
        place = self.place
        x, y = self.batches.batch(order, place.epoch, step)  # type: ignore[arg-type]
        x, y = x.to(self.device), y.to(self.device)
        total = self.recipe.epochs * self.batches.steps
        learning_rate = _learning_rate(self.recipe, place.epoch * self.batches.steps + step, total)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        # Layers that draw (dropout) draw the same in an interrupted training.
        torch.manual_seed(hash((self.seed, place.epoch, step)) & 0x7FFF_FFFF)
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with mixed_precision(self.device):
            scores = self.network(x)
            loss = self.loss(scores, y)
            if self.teacher is not None:
                loss = distilled(scores, self.teacher(x), loss)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise Diverged(f"diverged: the loss is {value} in epoch {place.epoch + 1}, step {step + 1}")
        loss.backward()
        self.optimizer.step()
        return value, int((scores.detach().argmax(dim=1) == y).sum())

    def _patience_is_over(self) -> bool:
        return (
            self.patience is not None
            and self.place.best_epoch >= 0
            and self.place.epoch - 1 - self.place.best_epoch >= self.patience
        )

    def _checkpoint(self) -> None:
        self.place.seconds = time.monotonic() - self._began
        self.place.steps = self.batches.steps
        self.save(pack(self.network, self.optimizer, self.place, self.best, self.identity), self.place)
        self._saved = time.monotonic()


def accuracy(
    network: nn.Module, images: ImageSet, part: Part, should_stop: Callable[[], bool] = lambda: False
) -> float:
    """Share of a part's images that a network answers right, in percent.

    Raises:
        TrainingStopped: ``should_stop`` said so.
    """
    batches, device = Batches(images, EVALUATION_BATCH, "none", 0), _device_of(network)
    right = 0
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(part), EVALUATION_BATCH):
            if should_stop():
                raise TrainingStopped("stopped during the evaluation")
            x, y = batches.plain(part, start, EVALUATION_BATCH)
            with mixed_precision(device):
                scores = network(x.to(device))
            right += int((scores.argmax(dim=1) == y.to(device)).sum())
    return 100.0 * right / len(part)


def _device_of(network: nn.Module) -> torch.device:
    return next((parameter.device for parameter in network.parameters()), torch.device("cpu"))


def _has_depthwise(network: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in network.modules())


def _optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay for matrices and kernels; none for biases and norms."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=_highest(recipe))
    return torch.optim.SGD(groups, lr=_highest(recipe), momentum=0.9, nesterov=True)


def _learning_rate(recipe: Recipe, step: int, total: int) -> float:
    r"""Learning rate of a step: :math:`\eta (t + 1) / w` for :math:`t < w`, then half a cosine to zero."""
    warm, highest = max(1, round(WARM_UP * total)), _highest(recipe)
    if step < warm:
        return highest * (step + 1) / warm
    return highest * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def _highest(recipe: Recipe) -> float:
    assert recipe.learning_rate is not None  # the recipe is completed
    return recipe.learning_rate
