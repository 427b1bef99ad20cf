r"""A task as the prototypes of its classes, all in the space of one image classifier's rows.

An ImageNet class is its row :math:`w_k` of the classifier of EfficientNet-Lite0
(:mod:`networks.pretrained.efficientnet_lite`). A class of someone's own images is the mean over its images of
:math:`\sum_k p_k(x) w_k`, where :math:`p(x)` is the classifier's softmax, so that both kinds of task live in
one space. Neither the order of classes nor that of images matters to what is made of a task
(:mod:`encoders.tasks.set_encoder`).

Notation: n images, c classes, f = 1,280 features.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from encoders.safetensors_about import about_of
from encoders.tasks.imagenet_classes import rows_of

FORMAT = "netwright-task-1"
VERSION = "efficientnet-lite0-57934424/1"
"""Of the backbone and of what is done with it; embeddings of different versions cannot be compared."""
WIDTH = 1280
MOST_CLASSES = 1000
IMAGES_A_CLASS = 20
"""Looked at in each class, evenly chosen; more change the prototypes little."""
IMAGES = 400
"""Looked at in a task, where it has so many classes that fewer a class must do; at least one of each."""
SIDES = (8, 1024)
"""Least and greatest height and width of an image."""
_BATCH = 4
"""Images at a time: their hidden values stay in the processor's cache."""

Pixels = NDArray[np.uint8]
Prototypes = NDArray[np.float32]
OnProgress = Callable[[int, int, str], None]


class BadTask(ValueError):
    """A sample that no task can be made of; not worth a retry as it is.

    Args:
        field: ``images``, ``labels`` or ``classes``.
    """

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class DamagedEmbedding(ValueError):
    """The bytes are no embedding of this version; embed the task again."""


@dataclass(frozen=True, slots=True)
class TaskSample:
    """A few labelled images of a task.

    Args:
        images: uint8, each (h, w, 3) or (h, w), of any sizes from 8×8 to 1,024×1,024.
        labels: (n,) whole numbers, an index of ``classes`` each.
        classes: 2 to 1,000 names, each with at least one image.

    Raises:
        BadTask: for anything else.
    """

    images: tuple[Pixels, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.classes)
        if not 2 <= count <= MOST_CLASSES:
            raise BadTask(f"a task has 2 to {MOST_CLASSES} classes, not {count}", "classes")
        if len(set(self.classes)) < count:
            raise BadTask("two classes have one name", "classes")
        if self.labels.shape != (len(self.images),) or self.labels.dtype.kind not in "iu":
            raise BadTask(f"{len(self.images)} images need as many whole-numbered labels", "labels")
        if len(self.labels) and not 0 <= self.labels.min() <= self.labels.max() < count:
            raise BadTask(f"labels lie in 0..{count - 1}", "labels")
        if len(empty := np.setdiff1d(np.arange(count), self.labels)):
            raise BadTask(f"class {self.classes[int(empty[0])]!r} has no image", "classes")
        for index, image in enumerate(self.images):
            if (reason := _fault(image)) is not None:
                raise BadTask(f"image {index} {reason}", "images")


@dataclass(frozen=True)
class TaskEmbedding:
    """What is known of a task.

    Args:
        prototypes: float32 (c, 1280), one a class.
        classes: their names, or WordNet ids.
        images: how many images they were made of; 0 for ImageNet classes.
        version: :data:`VERSION` when it was made.
        source: ``images`` or ``imagenet``.
    """

    prototypes: Prototypes
    classes: tuple[str, ...]
    images: int
    version: str
    source: Literal["images", "imagenet"]

    def __post_init__(self) -> None:
        if self.prototypes.shape != (len(self.classes), WIDTH) or not np.isfinite(self.prototypes).all():
            raise BadTask(
                f"{len(self.classes)} classes need as many rows of {WIDTH} finite numbers", "classes"
            )

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        about = {
            "format": FORMAT,
            "classes": self.classes,
            "images": self.images,
            "version": self.version,
            "source": self.source,
        }
        return save(
            {"prototypes": np.ascontiguousarray(self.prototypes, dtype=np.float32)},
            {"about": json.dumps(about)},
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads what :meth:`to_bytes` wrote.

        Raises:
            DamagedEmbedding: for anything else.
        """
        try:
            prototypes = load(data)["prototypes"]
            about: dict[str, Any] = about_of(data)
            if about["format"] != FORMAT or about["source"] not in ("images", "imagenet"):
                raise DamagedEmbedding(f"the bytes hold no {FORMAT}")
            classes = tuple(str(name) for name in about["classes"])
            return cls(prototypes, classes, int(about["images"]), str(about["version"]), about["source"])
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise DamagedEmbedding(f"the bytes are no task: {error}") from error

    @cached_property
    def digest(self) -> str:
        """``sha256:`` of its bytes."""
        return "sha256:" + hashlib.sha256(self.to_bytes()).hexdigest()


def embed_sample(sample: TaskSample, on_progress: OnProgress | None = None) -> TaskEmbedding:
    """Embeds a task from its images; 10 classes of 20 images take a few seconds.

    Args:
        sample: at most :data:`IMAGES_A_CLASS` images a class are looked at, and about :data:`IMAGES` in all.
        on_progress: called with images done, their total, and a message.

    Raises:
        BackboneUnavailable: where the packaged weights are not installed.
    """
    import torch

    from networks.pretrained.efficientnet_lite import load as backbone

    network = backbone()
    chosen = _looked_at(sample)
    rows = network.rows.numpy().astype(np.float64)
    sums, counts = np.zeros((len(sample.classes), len(rows))), np.zeros(len(sample.classes))
    for done, indices in _batches(chosen):
        with torch.inference_mode():
            inputs = torch.stack([_input(sample.images[index]) for index in indices])
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            weights = torch.softmax(network(inputs).double(), dim=1).numpy()  # (b, 1000)
        np.add.at(sums, sample.labels[indices], weights)
        np.add.at(counts, sample.labels[indices], 1)
        if on_progress is not None:
            on_progress(done, len(chosen), "embedding images")
    # One product at the end: within the loop, NumPy's threads and torch's would wait for each other.
    prototypes = (sums / counts[:, None] @ rows).astype(np.float32)
    return TaskEmbedding(prototypes, sample.classes, len(chosen), VERSION, "images")


def embed_imagenet_classes(identities: Sequence[str]) -> TaskEmbedding:
    """The task of classifying ImageNet classes, given by their WordNet ids.

    Raises:
        BadTask: for fewer than 2.
        UnknownClass: for an id that is no ImageNet class's, or that stands there twice.
        BackboneUnavailable: where the packaged weights are not installed.
    """
    from networks.pretrained.efficientnet_lite import load as backbone

    if not 2 <= len(identities) <= MOST_CLASSES:
        raise BadTask(f"a task has 2 to {MOST_CLASSES} classes, not {len(identities)}", "classes")
    prototypes = backbone().rows.numpy()[rows_of(identities)]
    return TaskEmbedding(prototypes, tuple(identities), 0, VERSION, "imagenet")


def _fault(image: Pixels) -> str | None:
    """What is wrong with an image; None where nothing is."""
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        return f"is no uint8 array (h, w, 3) or (h, w), but {image.dtype} {image.shape}"
    height, width = image.shape[:2]
    if not (SIDES[0] <= height <= SIDES[1] and SIDES[0] <= width <= SIDES[1]):
        return f"has {height}×{width} pixels; sides lie in {SIDES[0]}..{SIDES[1]}"
    return None


def _looked_at(sample: TaskSample) -> NDArray[np.int64]:
    """Which images are embedded, evenly chosen in each class.

    They are chosen in the order of their content, so that the order in which they came does not matter.
    """
    most = max(1, min(IMAGES_A_CLASS, IMAGES // len(sample.classes)))
    chosen = []
    for label in range(len(sample.classes)):
        rows = np.flatnonzero(sample.labels == label)
        if len(rows) > most:
            rows = np.array(sorted(rows.tolist(), key=lambda index: _name(sample.images[index])))
            rows = rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]
        chosen.append(rows)
    return np.concatenate(chosen)


def _name(image: Pixels) -> bytes:
    return hashlib.sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).digest()


def _batches(indices: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Parts of at most ``_BATCH``, each with how many are done after it."""
    for start in range(0, len(indices), _BATCH):
        part = indices[start : start + _BATCH]
        yield start + len(part), part


def _input(image: Pixels) -> Any:
    """The middle square of an image as the network wants it, (3, 224, 224)."""
    import torch

    from networks.pretrained.efficientnet_lite import SIDE

    colour = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
    side = min(colour.shape[:2])
    top, left = (colour.shape[0] - side) // 2, (colour.shape[1] - side) // 2
    square = np.ascontiguousarray(colour[top : top + side, left : left + side].transpose(2, 0, 1))
    pixels = torch.from_numpy(square).float()[None]
    if side != SIDE:
        pixels = torch.nn.functional.interpolate(
            pixels, size=(SIDE, SIDE), mode="bicubic", align_corners=False, antialias=True
        )
    return (pixels[0].clamp(0, 255) - 127.0) / 128.0
