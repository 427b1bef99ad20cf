"""The training loop: learns, repeats itself, goes on from any checkpoint, and says when it diverged."""

import itertools

import pytest
import torch
from torch import nn

from networks import build
from networks.images.dataset import load_images
from networks.training.batches import Batches, augment
from networks.training.checkpoint import BadCheckpoint, Place, pack, unpack
from networks.training.device import device_in_use, mixed_precision, use_device
from networks.training.recipe import Recipe
from networks.training.train import Diverged, TrainingStopped, accuracy, train
from spaces.known import get_space
from tests.networks.training import data

EXAMPLE = get_space("nasbench201").example
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.05)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return load_images(data.npz(tmp_path_factory.mktemp("images")), "tiny")


def network():
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.Dropout(0.2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip


def test_a_network_of_a_space_learns(images):
    recipe = Recipe(epochs=3, batch_size=8, learning_rate=0.1, augmentation="flip")
    small = get_space("nasbench201").network_config(classes=3, skeleton="small")
    trained = train(lambda: build("nasbench201", EXAMPLE, small), images, recipe, seed=0)
    assert trained.accuracy > 80 and trained.test_accuracy > 80 and trained.epochs == 3
    assert trained.history[-1]["loss"] < trained.history[0]["loss"]


def test_a_seed_gives_the_same_and_leaves_the_global_generator_alone(images):
    before = torch.get_rng_state()
    first = train(network, images, RECIPE, seed=7)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(3)
    assert train(network, images, RECIPE, seed=7).weights == first.weights
    assert train(network, images, RECIPE, seed=8).weights != first.weights


def test_each_epoch_says_how_long_it_took(images):
    seen = []
    trained = train(
        network, images, RECIPE, seed=0,
        save=lambda content, place: seen.append((place.epoch, place.seconds, place.epoch_seconds)),
    )  # fmt: skip
    assert [epoch for epoch, _, _ in seen] == [1, 2, 3] and trained.device == "cpu, float32"
    assert all(took > 0 for _, _, took in seen)
    assert sum(took for _, _, took in seen) == pytest.approx(seen[-1][1], abs=0.05)


def test_where_there_is_no_gpu_the_cpu_trains_as_ever():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    assert use_device("cuda") == use_device("cpu") == device_in_use() == torch.device("cpu")
    with mixed_precision(device_in_use()):
        assert not torch.is_autocast_enabled("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_trains_and_its_checkpoint_goes_on_with_the_cpu(images):
    saved = []
    try:
        use_device("cuda")
        trained = train(network, images, RECIPE, seed=7, save=lambda content, place: saved.append(content))
    finally:
        use_device("cpu")
    assert trained.history[-1]["loss"] < trained.history[0]["loss"] and "cpu" not in trained.device
    assert train(network, images, RECIPE, seed=7, checkpoint=saved[0]).epochs == 3


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_an_interrupted_training_ends_like_an_uninterrupted_one(images, optimizer):
    recipe = Recipe(epochs=3, batch_size=16, learning_rate=0.01, optimizer=optimizer, augmentation="cutout")
    whole = train(network, images, recipe, seed=3, patience=5)
    for stop_at in (2, 5, 8):  # in the first epoch, in the second, while judging
        saved = []
        asked = itertools.count(1)
        with pytest.raises(TrainingStopped):
            train(
                network, images, recipe, seed=3, patience=5,
                save=lambda content, place: saved.append(content),  # noqa: B023
                should_stop=lambda: next(asked) >= stop_at,  # noqa: B023
            )  # fmt: skip
        resumed = train(network, images, recipe, seed=3, patience=5, checkpoint=saved[-1])
        assert resumed.weights == whole.weights and resumed.history == whole.history, stop_at


def test_a_checkpoint_of_another_training_or_damaged_is_not_used(images):
    saved = []
    whole = train(network, images, RECIPE, seed=1, identity={"a": 1}, save=lambda c, p: saved.append(c))
    for checkpoint in (saved[0], saved[0][:-7], b"", b"\xff" * 100):
        again = train(network, images, RECIPE, seed=1, identity={"a": 2}, checkpoint=checkpoint)
        assert again.history == whole.history
    other, optimizer = nn.Linear(2, 2), torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    with pytest.raises(BadCheckpoint, match="another network"):
        unpack(saved[0], other, optimizer, {"a": 1})


def test_a_checkpoint_holds_the_optimizers_state():
    layer = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    content = pack(layer, optimizer, Place(epoch=4, step=2), None, {})
    twin = nn.Linear(3, 2)
    other = torch.optim.AdamW(twin.parameters(), lr=0.1)
    place, best = unpack(content, twin, other, {})
    assert (place.epoch, place.step, best) == (4, 2, None)
    for index, mine in optimizer.state_dict()["state"].items():
        theirs = other.state_dict()["state"][index]
        assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_patience_ends_early_and_keeps_the_best_epoch(images):
    recipe = Recipe(epochs=40, batch_size=48, learning_rate=1e-6, augmentation="none")
    trained = train(network, images, recipe, seed=0, patience=2)
    accuracies = [epoch["accuracy"] for epoch in trained.history]
    best = accuracies.index(max(accuracies))
    assert trained.epochs == best + 3 < 40 and trained.accuracy == pytest.approx(max(accuracies), abs=1e-3)


def test_divergence_is_said(images):
    recipe = Recipe(epochs=3, batch_size=16, learning_rate=10.0, optimizer="sgd", augmentation="none")
    with pytest.raises(Diverged, match="loss is"):
        train(lambda: nn.Sequential(nn.Flatten(), Explosive(), nn.Linear(192, 3)), images, recipe, seed=0)


class Explosive(nn.Module):
    """Makes numbers beyond what float32 holds."""

    def forward(self, x):
        return x * 1e38 * 1e38


def test_an_untrained_network_guesses(images):
    torch.manual_seed(0)
    assert accuracy(network(), images, images.train) < 80


def test_augmentation_keeps_shape_and_pixels(images):
    import numpy as np

    x = np.asarray(images.train.x[:9])
    assert augment(x, "none", np.random.default_rng(0)) is x
    flipped = augment(x, "flip", np.random.default_rng(0))
    same = (flipped == x).all(axis=(1, 2, 3))
    mirrored = (flipped == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (same | mirrored).all() and same.any() and mirrored.any()
    for kind in ("standard", "cutout"):
        moved = augment(x, kind, np.random.default_rng(0))
        assert moved.shape == x.shape and moved.dtype == np.uint8 and not np.shares_memory(moved, x)
    moved = augment(x, "standard", np.random.default_rng(0))
    # A move by at most one pixel leaves the middle's values among the image's own.
    assert all(np.isin(moved[index], x[index]).all() for index in range(9))


def test_an_epoch_shows_each_image_once(images):
    import numpy as np

    batches = Batches(images, 16, "none", 0)
    assert batches.steps == 3 and sorted(batches.order(0)) == list(range(48))
    assert not np.array_equal(batches.order(0), batches.order(1))
    # 47 images in batches of 23: the last, single one is left out, a batch norm cannot learn from it.
    assert Batches(images, 47, "none", 0).steps == 1 and Batches(images, 23, "none", 0).steps == 3
