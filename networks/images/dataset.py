"""A data set ready for training: arrays, split into training, validation and test images."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from networks.images.catalog import Images, catalog_of
from networks.images.decode import Pixels
from networks.images.held_out import held_out
from networks.images.layout import TEST, TRAIN, VALIDATION, Entry
from networks.images.limits import BadImages
from networks.images.names import open_source
from networks.images.source import Source

_LOG = logging.getLogger(__name__)

VALIDATION_SHARE = 0.2
"""Of the training images: what a search may look at."""
MAX_VALIDATION = 10_000
_FORMAT = 2
_ORDER = 0  # seed of the order in which images are taken; the same for every architecture


@dataclass(frozen=True, slots=True)
class Part:
    """Images (n, side, side, 3) uint8 with labels (n,)."""

    x: Pixels
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def digest(self) -> str:
        """SHA-256 of the images and labels, in whatever order: of the sorted SHA-256 of each one's pixels
        and label (8 bytes, the lowest first).
        """
        each = sorted(
            hashlib.sha256(np.ascontiguousarray(image).tobytes() + int(label).to_bytes(8, "little")).digest()
            for image, label in zip(self.x, self.y, strict=True)
        )
        return hashlib.sha256(b"".join(each)).hexdigest()


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A data set, split.

    A search may look at the validation images: those that whoever made the data set named so, else a fifth of
    the training images. Test images were set apart by its makers, or else by their content
    (:mod:`networks.images.held_out`; empty where there are too few images); nothing is ever chosen by them.

    Args:
        name: of the data set.
        classes: their names.
        train: what networks learn from.
        validation: what they are chosen by.
        test: what is reported.
        digest: SHA-256 over pixels and labels; says on what an accuracy was measured.
        mean: of each channel over the training images, 0 to 255.
        std: standard deviation of each channel, at least 1.
        left_out: why files of the data set are not in it → how many.
        test_by: ``makers`` or ``digest``, whoever set the test images apart.
    """

    name: str
    classes: tuple[str, ...]
    train: Part
    validation: Part
    test: Part
    digest: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    left_out: Mapping[str, int] = field(default_factory=dict)
    test_by: str = "makers"

    @property
    def side(self) -> int:
        """Of the square images, in pixels."""
        return int(self.train.x.shape[1])

    def about(self) -> dict[str, object]:
        """What it is, for a result."""
        return {
            "data": self.name,
            "digest": self.digest,
            "classes": len(self.classes),
            "side": self.side,
            "train_images": len(self.train),
            "validation_images": len(self.validation),
            "test_images": len(self.test),
            "test_by": self.test_by,
            **({"left_out": dict(self.left_out)} if self.left_out else {}),
        }


def load_images(
    folder: Images,
    name: str,
    *,
    side: int | None = None,
    images: int | None = None,
    cache_dir: Path | None = None,
    validate: bool = True,
) -> ImageSet:
    """A data set of a folder, decoded; the same images in the same order every time.

    Args:
        folder: where data sets lie, or a catalog of them.
        name: of the data set.
        side: in pixels; None: as the images are, which must then be of one size.
        images: training images to take, validation among them where it has none of its own; at most as
            many test and validation images. None: all.
        cache_dir: where decoded images are kept, so that the next process only maps them.
        validate: whether some images are for validation; else all but the test images are for training.

    Raises:
        BadImages: there is none of the name, or it cannot be used; the message says why.
    """
    source = open_source(folder, name)
    entries, test_by = _parts(source, cache_dir)
    rng = np.random.default_rng(_ORDER)
    chosen = {
        part: _choose([entry for entry in entries if entry.part == part], images, rng)
        for part in (TRAIN, TEST, VALIDATION)
    }
    wanted = [*chosen[TRAIN], *chosen[VALIDATION], *chosen[TEST]]
    x = _pixels(source, wanted, side, cache_dir)
    if x.shape[1] != x.shape[2]:
        raise BadImages(f"{name}: the images are not square; say a resolution")
    y = np.array([entry.label for entry in wanted], dtype=np.int64)
    learned = len(chosen[TRAIN])
    if not validate:
        learned += len(chosen[VALIDATION])
    elif not chosen[VALIDATION]:
        learned -= min(MAX_VALIDATION, max(1, round(VALIDATION_SHARE * learned)))
    count = len(chosen[TRAIN]) + len(chosen[VALIDATION])
    if learned < 1:
        raise BadImages(f"{name}: {count} training images are too few")
    digest = hashlib.sha256(np.ascontiguousarray(x).data)
    digest.update(y.data)
    return ImageSet(
        name,
        source.classes,
        Part(x[:learned], y[:learned]),
        Part(x[learned:count], y[learned:count]),
        Part(x[count:], y[count:]),
        digest.hexdigest(),
        *_channels(x[:learned]),
        source.left_out,
        test_by,
    )


def size_of(images: Images, name: str) -> tuple[int, int]:
    """Classes of a data set, and the side of its images as they are; reads as little as it can.

    Raises:
        BadImages: there is none of the name, or it cannot be used; the message says why.
    """
    uploaded = catalog_of(images).uploaded.get(name)
    if uploaded is not None:
        return uploaded.classes, uploaded.side
    source = open_source(images, name)
    return len(source.classes), source.side()


def _parts(source: Source, cache_dir: Path | None) -> tuple[list[Entry], str]:
    """The entries of a data set with a test part, and who set that apart."""
    entries = list(source.entries)
    if any(entry.part == TEST for entry in entries):
        return entries, "makers"
    train = [entry for entry in entries if entry.part == TRAIN]
    rest = [entry for entry in entries if entry.part != TRAIN]
    return [*held_out(train, _digests(source, train, cache_dir)), *rest], "digest"


def _digests(source: Source, entries: list[Entry], cache_dir: Path | None) -> list[str]:
    """Of what each entry holds, from the cache where they are there."""
    if cache_dir is None:
        return source.digests(entries)
    text = json.dumps([_FORMAT, source.stamp(), [entry.key for entry in entries], "digests"])
    path = cache_dir / "images" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(path.read_text())
        if isinstance(known, list) and len(known) == len(entries):
            return [str(digest) for digest in known]
    except (OSError, ValueError):
        pass  # absent or damaged: made anew
    found = source.digests(entries)
    _keep(path, lambda file: file.write_text(json.dumps(found)))
    return found


def _keep(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file of the cache, whole or not at all."""
    temporary = path.parent / f".{path.stem}-{os.getpid()}{path.suffix}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.replace(path)
    except OSError as error:  # it only costs the next process the work
        _LOG.warning("images are not cached in %s: %s", path.parent, error.strerror)
        temporary.unlink(missing_ok=True)


def _channels(x: Pixels) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of each channel, without a copy of all pixels as floats."""
    total, squares = np.zeros(3), np.zeros(3)
    for start in range(0, len(x), 1024):
        pixels = x[start : start + 1024].reshape(-1, 3).astype(np.float64)
        total += pixels.sum(axis=0)
        squares += (pixels**2).sum(axis=0)
    count = x.size / 3
    mean = total / count
    std = np.maximum(np.sqrt(np.maximum(squares / count - mean**2, 0.0)), 1.0)
    (a, b, c), (d, e, f) = mean.round(4).tolist(), std.round(4).tolist()
    return (a, b, c), (d, e, f)


def _choose(entries: list[Entry], count: int | None, rng: np.random.Generator) -> list[Entry]:
    """Entries in a random order, at most so many."""
    return [entries[index] for index in rng.permutation(len(entries))[:count]]


def _pixels(source: Source, wanted: list[Entry], side: int | None, cache_dir: Path | None) -> Pixels:
    """Decoded images, from the cache where they are there."""
    if cache_dir is None:
        return source.read(wanted, side)
    keys = hashlib.sha256("\n".join(f"{entry.part}/{entry.key}" for entry in wanted).encode()).hexdigest()
    text = json.dumps([_FORMAT, source.stamp(), keys, side])
    path = cache_dir / "images" / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npy"
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError):
        pass  # absent or damaged: decoded anew
    x = source.read(wanted, side)
    _keep(path, lambda file: np.save(file, x, allow_pickle=False))
    return x
