"""A teacher's answers reach the student, however its images are normalized and whatever their size."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from networks.images.dataset import load_images
from networks.training.distillation import Teacher
from networks.training.recipe import Recipe
from networks.training.train import train
from tests.networks.training import data


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return load_images(data.npz(tmp_path_factory.mktemp("images")), "tiny")


def student():
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip


class Brightest(nn.Module):
    """The class is the brightest channel of pixels in 0 to 1, as the data set is made."""

    def forward(self, x):
        return 100 * x.mean(dim=(2, 3))


def test_a_student_learns_what_the_teacher_knows_where_labels_say_nothing(images):
    rng = np.random.default_rng(0)
    wrong = replace(images.train, y=rng.permutation(images.train.y))
    unlabelled = replace(images, train=wrong)
    recipe = Recipe(epochs=8, batch_size=8, learning_rate=0.05, augmentation="flip")
    teacher = Teacher(Brightest(), images.side, ((0.0,) * 3, (255.0,) * 3), (images.mean, images.std))
    taught = train(student, unlabelled, recipe, seed=0, teacher=teacher.scores)
    assert taught.test_accuracy >= 80
    assert train(student, unlabelled, recipe, seed=0).test_accuracy < taught.test_accuracy


def test_a_teacher_sees_pixels_as_it_was_trained_on_and_at_its_side():
    pixels = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).view(2, 3, 4, 4)
    students = (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)
    normalized = (pixels - torch.tensor(students[0]).view(3, 1, 1)) / torch.tensor(students[1]).view(3, 1, 1)
    teacher = Teacher(nn.Identity(), 4, ((127.0,) * 3, (128.0,) * 3), students)
    assert torch.allclose(teacher.scores(normalized), (pixels - 127) / 128, atol=1e-5)
    larger = Teacher(nn.Identity(), 8, ((127.0,) * 3, (128.0,) * 3), students)
    assert larger.scores(normalized).shape == (2, 3, 8, 8)
