"""Densities: exact where slots are few, bounded elsewhere."""

import numpy as np
import pytest
import torch

from generator.masked.condition import Conditions
from generator.masked.denoiser import Denoiser, DenoiserShape
from generator.masked.density import exact_log_density, log_density_bound
from generator.masked.diffusion import MaskedDiffusion
from generator.masked.weights import load_generator
from spaces.known import get_space
from tests.generator.enumerated import enumerated_marginal
from tests.toy_space import ToySpace

SHAPE = DenoiserShape(width=20, layers=2, heads=5, feedforward=19)


class FreeSpace(ToySpace):
    """The toy without its forbidden word."""

    size = 27

    def reason(self, codes):
        return None

    def enumerate(self):
        return np.array(list(np.ndindex(3, 3, 3)), dtype=np.int8)

    def from_slots(self, values):
        return values, np.ones(len(values), dtype=bool)


@pytest.fixture()
def model():
    torch.manual_seed(4)
    space = FreeSpace()
    denoiser = Denoiser(space, 1, SHAPE)
    torch.nn.init.normal_(denoiser.heads, std=0.5)
    return MaskedDiffusion(space, denoiser, Conditions.of(space))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_the_exact_density_is_the_samplers_enumerated_marginal(model, steps):
    codes = model.space.enumerate()
    density = np.exp(exact_log_density(model, codes, steps=steps))
    states = enumerated_marginal(model, steps)
    assert density.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(density, [states[tuple(row)] for row in codes.tolist()], atol=1e-6)
    assert density.max() > 3 * density.min()  # or the test would say little


def test_the_bound_lies_below_the_density_of_many_steps(model):
    codes = model.space.enumerate()
    exact = exact_log_density(model, codes, steps=200)
    bound = log_density_bound(model, codes, draws=400, seed=0)
    # Each estimate's own error is about 0.1 nats here, their mean's 0.02.
    assert bound.mean() < exact.mean() and (bound < exact + 0.4).all()
    assert np.abs(bound - exact).mean() < 0.5


def test_conditioning_makes_a_cell_with_these_statistics_likelier():
    model = load_generator("nasbench201")
    codes = model.space.sample(12, np.random.default_rng(0))
    targets = model.conditions.of_codes(model.space, codes)
    free = exact_log_density(model, codes, steps=8)
    asked = exact_log_density(model, codes, steps=8, targets=targets)
    # Uniform over 15,625 cells without conditions; given five statistics only a few cells remain.
    assert free.mean() == pytest.approx(-np.log(15_625), abs=0.3)
    assert (asked > free + 1).all() and asked.mean() > -6.0


def test_spaces_with_many_slots_have_a_bound_only():
    model = load_generator("gnn")
    codes = get_space("gnn").sample(5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="14 slots"):
        exact_log_density(model, codes, steps=8)
    bound = log_density_bound(model, codes, draws=16, seed=0)
    assert bound.shape == (5,) and (bound < 0).all() and (bound > -20).all()
