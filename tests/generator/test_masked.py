"""The science of masked diffusion, on a space small enough to enumerate."""

import numpy as np
import pytest
import torch

from generator.condition import Conditions
from generator.denoiser import Denoiser, DenoiserShape, slot_relations
from generator.masked import MaskedDiffusion, SamplerOptions, _effective_share, _systematic
from generator.train import bound
from spaces.space import get_space
from tests.toy_space import ToySpace

SPACE = ToySpace()
# Every width has a number of its own, so that a shape bug shows.
SHAPE = DenoiserShape(width=20, layers=2, heads=5, feedforward=19)


@pytest.fixture()
def uniform() -> MaskedDiffusion:
    """A denoiser with its heads at zero says that every value is equally likely."""
    torch.manual_seed(0)
    conditions = Conditions.of(SPACE)
    denoiser = Denoiser(SPACE, len(conditions.names), SHAPE)
    torch.nn.init.zeros_(denoiser.heads)
    return MaskedDiffusion(SPACE, denoiser, conditions)


class Linear:
    """log w = sum of letters × 0.7."""

    def log_weight(self, codes):
        return 0.7 * codes.sum(axis=1).astype(float)


def frequencies(codes, weights):
    index = (codes * np.array([9, 3, 1])).sum(axis=1)
    return np.bincount(index, weights, minlength=27)[:26]


def test_unguided_sampling_of_a_uniform_denoiser_is_uniform(uniform):
    particles = uniform.sample(8_000, seed=3)
    assert particles.log_weights.tolist() == [0.0] * 8_000
    share = frequencies(particles.codes[particles.valid], None) / particles.valid.sum()
    # Five binomial standard errors over 26 cells: fails by chance about once in 10⁵ runs.
    assert np.abs(share - 1 / 26).max() < 5 * np.sqrt(1 / 26 / 7_700)


@pytest.mark.parametrize(("steps", "resample_below"), [(1, 0.5), (3, 0.0), (3, 1.1), (8, 0.5)])
def test_weighted_particles_follow_the_tilted_distribution(uniform, steps, resample_below):
    options = SamplerOptions(steps=steps, resample_below=resample_below)
    particles = uniform.sample(10_000, seed=5, guide=Linear(), options=options)
    weights = np.exp(particles.log_weights - particles.log_weights.max())
    got = frequencies(particles.codes[particles.valid], weights[particles.valid])
    exact = np.exp(Linear().log_weight(SPACE.enumerate()))
    assert np.abs(got / got.sum() - exact / exact.sum()).max() < 0.02
    # "ccc" has weight exp(INVALID) ≈ 0; the other 26 of 27 carry the evidence.
    assert particles.log_evidence == pytest.approx(np.log(exact.sum() / 27), abs=0.05)


def test_the_same_seed_gives_the_same_particles(uniform):
    first = uniform.sample(100, seed=7, guide=Linear())
    again = uniform.sample(100, seed=7, guide=Linear())
    other = uniform.sample(100, seed=8, guide=Linear())
    assert (first.codes == again.codes).all() and (first.log_weights == again.log_weights).all()
    assert not (first.codes == other.codes).all()


def test_denoiser_gives_normalized_probabilities_and_none_beyond_a_slots_vocabulary():
    space = get_space("gnn")
    torch.manual_seed(0)
    denoiser = Denoiser(space, 7, SHAPE)
    values = torch.from_numpy(space.slot_values(space.sample(13, np.random.default_rng(0))).astype(np.int64))
    masked = torch.where(torch.rand(values.shape) < 0.5, denoiser.sizes, values)
    out = denoiser(masked, torch.full((13, 7), torch.nan)).exp()
    assert out.shape == (13, len(space.slots), 9)
    assert torch.allclose(out.sum(-1), torch.ones(13, len(space.slots)))
    edges = [index for index, slot in enumerate(space.slots) if slot.size == 2]
    assert edges and out[:, edges, 2:].max() == 0


def test_free_edges_change_how_operations_attend():
    space = get_space("gnn")
    torch.manual_seed(0)
    denoiser = Denoiser(space, 7, SHAPE)
    _, edges = slot_relations(space)
    assert len(edges) == 6 and (edges[:, 1] != edges[:, 2]).all()
    x = denoiser.sizes.expand(3, -1).clone()
    x[1, edges[0, 0]], x[2, edges[0, 0]] = 0, 1
    states = denoiser.edge_states(x)
    assert len({tuple(row.tolist()) for row in states}) == 3


def test_the_bound_of_a_uniform_denoiser_is_the_entropy_of_uniform_slots(uniform):
    clean = torch.from_numpy(SPACE.enumerate().astype(np.int64)).repeat(400, 1)
    torch.manual_seed(1)
    value = bound(uniform.denoiser, clean, torch.full((len(clean), 1), torch.nan)).item()
    # Levels begin at t = 1/(4 s) and not at 0, which leaves 1 − 1/(4 s) of the integral and adds the rest.
    assert value == pytest.approx(3 * np.log(3), rel=0.05)


def test_systematic_resampling_keeps_expected_counts():
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    random = torch.Generator().manual_seed(0)
    counts = np.zeros(4)
    for _ in range(2000):
        counts += np.bincount(_systematic(np.log(weights), random).numpy(), minlength=4)
    assert counts / counts.sum() == pytest.approx(weights, abs=0.01)
    assert _effective_share(np.zeros(7)) == pytest.approx(1.0)
    assert _effective_share(np.array([0.0, -1e9, -1e9, -1e9])) == pytest.approx(0.25)
