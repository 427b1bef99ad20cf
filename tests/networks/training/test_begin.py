"""What a training begins with, and batch norms that are recalibrated."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from networks.images.dataset import load_images
from networks.pretrained.inherit import PIXELS, backbone_state, pretrained
from networks.training.begin import begun
from networks.training.rebuild import identity_of, rebuild
from networks.training.recalibrate import recalibrate
from networks.training.recipe import PRETRAINED, SCRATCH, Recipe, TrainingOptions
from networks.training.train import TrainingStopped, train
from spaces.known import get_space
from tests.networks.training import data

NAME = "efficientnet_lite"
SMALLEST = "r64|k3_e2|skip|k3_e2|skip|k3_e2|skip|skip|k3_e2|skip|skip|k3_e2|skip|skip|skip|k3_e2"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    loaded = load_images(data.npz(tmp_path_factory.mktemp("images")), "tiny", side=64)
    return dataclasses.replace(loaded, mean=PIXELS[0], std=PIXELS[1])


def identity(images, init, **recipe):
    options = TrainingOptions(init=init, recipe=Recipe(**recipe))
    return identity_of(NAME, SMALLEST, options.completed(True), images, 0)


def test_the_init_decides_the_weights(images):
    inherited, new = (begun(identity(images, init), images) for init in (PRETRAINED, SCRATCH))
    stem = backbone_state(NAME)["0.conv.weight"]
    assert torch.equal(inherited[0].conv.weight, stem) and not torch.equal(new[0].conv.weight, stem)
    assert inherited[-1].out_features == new[-1].out_features == 3
    assert new[0].norm.running_var.eq(1).all() and not inherited[0].norm.running_var.eq(1).all()


def test_what_no_request_says_is_left_to_the_space():
    def completed(pretrains, **given):
        options = TrainingOptions(**given).completed(pretrains)
        return options.init, options.recipe.learning_rate

    assert completed(True) == (PRETRAINED, 0.001)
    for new in (completed(False), completed(True, init=SCRATCH), completed(True, network="small")):
        assert new == (SCRATCH, 0.1)
    assert completed(True, recipe=Recipe(learning_rate=0.5)) == (PRETRAINED, 0.5)
    assert completed(True, recipe=Recipe(optimizer="sgd")) == (PRETRAINED, 0.01)
    assert Recipe().completed().optimizer == "sgd" and Recipe().completed(PRETRAINED).optimizer == "adamw"
    assert TrainingOptions(init=PRETRAINED).fidelity == "12ep-pretrained"


def test_recalibrated_statistics_are_those_of_the_networks_own_signals(images):
    network = pretrained(NAME, SMALLEST, get_space(NAME).network_config(classes=3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    signals = []
    network[1].depthwise.conv.register_forward_hook(lambda module, given, made: signals.append(made))
    recalibrate(network, images)
    assert network.training and network[0].norm.momentum == 0.1
    signal = torch.cat(signals)
    norm = network[1].depthwise.norm
    torch.testing.assert_close(norm.running_mean, signal.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.running_var, signal.var(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]) != ("running" in name or "tracked" in name), name
    assert all(torch.isfinite(value).all() for value in network.state_dict().values())


def test_a_network_without_batch_norms_stays(images):
    recalibrate(nn.Sequential(nn.Flatten(), nn.LazyLinear(3)), images)


def test_recalibration_can_be_stopped(images):
    with pytest.raises(TrainingStopped):
        begun(identity(images, PRETRAINED), images, should_stop=lambda: True)


def test_a_trained_network_is_built_again_from_its_weights(images):
    whose = identity(images, PRETRAINED, epochs=1, batch_size=16)
    options = Recipe(epochs=1, batch_size=16, learning_rate=0.03)
    run = train(lambda: begun(whose, images), images, options, seed=0, identity=whose)
    network, about = rebuild(run.weights)
    assert about["options"]["init"] == PRETRAINED and about["mean"] == [127.0] * 3
    with torch.no_grad():
        assert np.isfinite(network(torch.randn(2, 3, 64, 64)).numpy()).all()
