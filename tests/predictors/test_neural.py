"""The ensemble of pretrained networks: what it starts from, what it says of it, what its heads promise."""

import numpy as np
import pytest
import torch

from encoders.features import features
from encoders.pretrained.networks import NoPretrained
from encoders.pretrained.train import PretrainingOptions, pretrain_on
from predictors.kinds.auto import AutoPredictor, simplex
from predictors.kinds.gbdt import GbdtPredictor
from predictors.kinds.neural import NeuralPredictor
from predictors.neural_heads import conditioned
from predictors.predictor import DamagedModel
from spaces.known import get_space

SPACE = get_space("nasbench201")


def labelled(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Architectures and a zero-cost proxy of theirs, bent: what pretraining knows and codes do not say."""
    codes = SPACE.sample(count, np.random.default_rng(seed))
    return codes, 90 + np.tanh(features(SPACE, codes, kinds=["scores"])[:, 4].astype(np.float64))


def test_networks_from_scratch_say_so_and_survive_their_bytes(monkeypatch):
    monkeypatch.setattr("predictors.kinds.neural.SCRATCH_STEPS", 20)
    codes, values = labelled(40)
    model = NeuralPredictor(SPACE, trunk="scratch", inflate=False).fit(codes, values)
    again = NeuralPredictor.from_bytes(model.to_bytes(), SPACE)
    assert again.trunk == "scratch"
    np.testing.assert_allclose(again.predict(codes).mean, model.predict(codes).mean, atol=1e-6)
    shipped = NeuralPredictor(SPACE, inflate=False).fit(codes, values)
    assert shipped.trunk == "pretrained" and shipped.digest() != model.digest()
    constant = NeuralPredictor(SPACE, trunk="scratch", inflate=False).fit(codes, np.full(40, 7.0))
    np.testing.assert_allclose(constant.predict(codes).mean, 7.0, atol=1e-6)


def test_pretrained_networks_know_more_than_ones_from_scratch(monkeypatch):
    monkeypatch.setattr("predictors.kinds.neural.SCRATCH_STEPS", 60)
    codes, values = labelled(40)
    unseen, truth = labelled(400, seed=1)
    errors = [
        np.abs(
            NeuralPredictor(SPACE, trunk=trunk, kinds=(), inflate=False)
            .fit(codes, values)
            .predict(unseen)
            .mean
            - truth
        ).mean()
        for trunk in ("pretrained", "scratch")
    ]
    assert errors[0] < errors[1]


def test_a_space_without_networks_is_learned_from_scratch():
    space = get_space("fbnet")
    assert NeuralPredictor(space).trunk == "scratch"
    with pytest.raises(NoPretrained):
        NeuralPredictor(space, trunk="pretrained")


def test_a_model_of_other_networks_is_refused():
    codes, values = labelled(20)
    data = NeuralPredictor(SPACE, inflate=False).fit(codes, values).to_bytes()
    start = data.index(b"pretrained-") + len(b"pretrained-")
    other = data[:start] + (b"00000000" if data[start : start + 8] != b"00000000" else b"1" * 8)
    with pytest.raises(DamagedModel, match="other networks"):
        NeuralPredictor.from_bytes(other + data[start + 8 :], SPACE)


def test_leaving_one_out_equals_learning_without_it():
    rng = np.random.default_rng(0)
    inputs = [[rng.normal(size=(19, 3)), rng.normal(size=(19, 2))] for _ in range(2)]
    labels, theta = rng.normal(size=19), np.array([0.3, -0.2, 0.1, -2.0])
    heads = conditioned(inputs, labels, theta, seed=0)
    without = conditioned([[x[1:] for x in groups] for groups in inputs], labels[1:], theta, seed=0)
    mean, std = without([[x[:1] for x in groups] for groups in inputs])
    assert labels[0] - mean[0] == pytest.approx(heads.errors[0], abs=1e-8)
    assert std[0] == pytest.approx(heads.std[0], rel=1e-3)


def test_heads_of_many_labels_learn_a_part_each(monkeypatch):
    monkeypatch.setattr("predictors.neural_heads.LARGEST", 12)
    rng = np.random.default_rng(0)
    inputs = [[rng.normal(size=(19, 3))] for _ in range(2)]
    heads = conditioned(inputs, rng.normal(size=19), np.array([0.3, 0.1, -2.0]), seed=0)
    assert [len(head.rows) for head in heads.heads] == [12, 12]
    assert np.isfinite(heads.errors).all() and (heads.std > 0).all()


def test_sources_teach_networks_and_the_blend_and_are_in_the_bytes():
    codes, values = labelled(15)
    known, labels = labelled(400, seed=2)
    source = GbdtPredictor(SPACE).fit(known, labels)
    unseen, truth = labelled(300, seed=3)
    for kind, extra in ((NeuralPredictor, {"inflate": False}), (AutoPredictor, {})):
        model = kind(SPACE, sources=[source], **extra).fit(codes, values)
        alone = kind(SPACE, **extra).fit(codes, values)
        errors = [np.abs(found.predict(unseen).mean - truth).mean() for found in (model, alone)]
        assert errors[0] < errors[1]
        again = kind.from_bytes(model.to_bytes(), SPACE)
        assert len(again.sources) == 1
        np.testing.assert_allclose(again.predict(unseen).mean, model.predict(unseen).mean, atol=1e-5)


def test_networks_that_learned_other_tasks_teach_and_are_in_the_bytes():
    known, labels = labelled(600, seed=2)
    options = PretrainingOptions(members=2, width=19, depth=3, embedding=17, steps=150, batch=64)
    networks = pretrain_on(
        SPACE, known, np.stack([labels, -labels], axis=1).astype(np.float32), options=options
    )
    codes, values = labelled(20)
    unseen, truth = labelled(300, seed=3)
    errors = [
        np.abs(
            NeuralPredictor(SPACE, kinds=(), inflate=False, **extra).fit(codes, values).predict(unseen).mean
            - truth
        )
        for extra in ({"networks": networks}, {})
    ]
    assert errors[0].mean() < errors[1].mean()
    model = AutoPredictor(SPACE, networks=networks).fit(codes, values)
    assert all(model.models[kind].networks.networks is networks for kind in ("gp", "neural"))
    again = AutoPredictor.from_bytes(model.to_bytes(), SPACE)
    assert again.networks.digest() == networks.digest()
    np.testing.assert_allclose(again.predict(unseen).mean, model.predict(unseen).mean, atol=1e-5)
    np.testing.assert_allclose(again.predict(unseen).upper, model.predict(unseen).upper, atol=1e-5)
    with pytest.raises(NoPretrained, match="no networks are given"):
        NeuralPredictor(SPACE, trunk="given")


def test_shares_of_the_blend_sum_to_one():
    model = AutoPredictor(SPACE).fit(*labelled(40))
    assert set(model.shares) == {"gp", "gbdt", "neural"}
    assert sum(model.shares.values()) == pytest.approx(1)
    assert np.allclose(simplex(3).sum(axis=1), 1) and len(simplex(3)) == 66


def test_networks_from_scratch_promise_what_they_keep(monkeypatch):
    """They know their labels by heart: evaluated by leaving one out, half of these intervals would miss."""
    monkeypatch.setattr("predictors.kinds.neural.SCRATCH_STEPS", 100)
    monkeypatch.setattr("predictors.kinds.neural.SCRATCH_MEMBERS", 1)
    monkeypatch.setattr("predictors.neural_heads.FITTED_ON", 100)
    rng = np.random.default_rng(300)
    codes = SPACE.sample(1300, rng)
    values = 90 + SPACE.statistics(codes)["depth"] + rng.normal(size=len(codes))
    model = NeuralPredictor(SPACE, trunk="scratch").fit(codes[:300], values[:300])
    for fitted in (model, NeuralPredictor.from_bytes(model.to_bytes(), SPACE)):
        found = fitted.predict(codes[300:])
        inside = (found.lower <= values[300:]) & (values[300:] <= found.upper)
        assert 0.85 < inside.mean() < 0.97
        assert np.median(found.upper - found.lower) < 6


def test_networks_learn_the_same_whatever_the_number_of_threads(monkeypatch):
    monkeypatch.setattr("predictors.kinds.neural.SCRATCH_STEPS", 10)
    codes, values = labelled(40)
    digests, before = set(), torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        digests.add(NeuralPredictor(SPACE, trunk="scratch", inflate=False).fit(codes, values).digest())
    torch.set_num_threads(before)
    assert len(digests) == 1
