"""The science of masked diffusion, on a space small enough to enumerate."""

import numpy as np
import pytest
import torch

from generator.masked.condition import Conditions
from generator.masked.denoiser import Denoiser, DenoiserShape, slot_relations
from generator.masked.diffusion import MaskedDiffusion, SamplerOptions, _effective_share, _systematic
from generator.masked.train import bound
from generator.masked.weights import load_generator
from spaces.known import get_space
from tests.generator.enumerated import enumerated_marginal
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
    """log w = strength × the sum of the letters."""

    def __init__(self, strength=0.7):
        self.strength = strength

    def log_weight(self, codes):
        return self.strength * codes.sum(axis=1).astype(float)


def frequencies(codes, weights):
    index = (codes * np.array([9, 3, 1])).sum(axis=1)
    return np.bincount(index, weights, minlength=27)[:26]


@pytest.fixture()
def biased() -> MaskedDiffusion:
    """A denoiser with strong opinions of its own."""
    torch.manual_seed(4)
    conditions = Conditions.of(SPACE)
    denoiser = Denoiser(SPACE, len(conditions.names), SHAPE)
    torch.nn.init.normal_(denoiser.heads, std=0.5)
    return MaskedDiffusion(SPACE, denoiser, conditions)


def marginal(model, steps):
    states = enumerated_marginal(model, steps)
    return np.array([states[tuple(row)] for row in SPACE.enumerate().tolist()])


@pytest.mark.parametrize("steps", [1, 3])
def test_unguided_particles_follow_the_enumerated_marginal(biased, steps):
    particles = biased.sample(8_000, seed=3, options=SamplerOptions(steps=steps))
    assert particles.valid.all() and particles.log_weights.tolist() == [0.0] * 8_000
    share, exact = frequencies(particles.codes, None) / 8_000, marginal(biased, steps)
    assert exact.sum() == pytest.approx(1.0) and exact.max() > 3 * exact.min()
    # Five binomial standard errors in each of 26 cells: fails by chance about once in 10⁵ runs.
    assert (np.abs(share - exact) < 5 * np.sqrt(exact / 8_000)).all()


@pytest.mark.parametrize(("steps", "resample_below"), [(1, 0.5), (3, 0.0), (3, 1.1), (8, 0.5)])
def test_weighted_particles_follow_the_tilted_distribution(biased, steps, resample_below):
    options = SamplerOptions(steps=steps, resample_below=resample_below)
    particles = biased.sample(10_000, seed=5, guide=Linear(), options=options)
    weights = np.exp(particles.log_weights - particles.log_weights.max())
    got = frequencies(particles.codes, weights)
    exact = np.exp(Linear().log_weight(SPACE.enumerate())) * marginal(biased, steps)
    # About four standard errors of 10,000 particles of which at least a fifth count.
    assert np.abs(got / got.sum() - exact / exact.sum()).max() < 0.02
    assert particles.log_evidence == pytest.approx(np.log(exact.sum()), abs=0.05)


def test_a_stronger_guide_moves_the_mean_further(biased):
    def mean(strength):
        particles = biased.sample(4_000, seed=6, guide=Linear(strength), options=SamplerOptions(steps=3))
        return np.average(particles.codes.sum(axis=1), weights=np.exp(particles.log_weights))

    means = [mean(strength) for strength in (-1.0, 0.0, 0.4, 1.2)]
    # Neighbours differ by more than 0.3, ten standard errors.
    assert (np.diff(means) > 0.15).all()


def test_stronger_classifier_free_guidance_comes_nearer_to_what_is_asked_for():
    model = load_generator("nasbench201")
    target = np.full((1, len(model.conditions.names)), np.nan)
    column = model.conditions.names.index("macs_m")
    target[0, column] = 1.5

    def mean(strength):
        options = SamplerOptions(guidance=strength)
        codes = model.sample(400, seed=2, targets=target, options=options).codes
        return model.conditions.of_codes(model.space, codes)[:, column].mean()

    free = model.sample(400, seed=2).codes
    means = [model.conditions.of_codes(model.space, free)[:, column].mean(), *map(mean, (-0.6, 0.0))]
    assert (np.diff(means) > 0.1).all()


def test_the_number_of_threads_changes_nothing():
    model = load_generator("nasbench201")
    before, answers = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            answers.append(model.sample(300, seed=9))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert (answers[0].codes == answers[1].codes).all()


def test_part_of_an_architecture_can_be_masked_and_completed(biased):
    start = np.tile(SPACE.parse("abc"), (2_000, 1))
    changed = [biased.sample(2_000, seed=1, start=start, level=level).codes for level in (0.2, 0.9)]
    kept = [(codes == start).mean() for codes in changed]
    assert kept[0] > 0.75 and kept[1] < kept[0]


def test_the_visitor_gets_what_the_guide_weighed(biased):
    reported = []
    biased.sample(
        50, seed=1, guide=Linear(), options=SamplerOptions(steps=4), visit=lambda *pair: reported.append(pair)
    )
    assert len(reported) == 4
    assert all((weights == Linear().log_weight(codes)).all() for codes, weights in reported)


@pytest.mark.parametrize("name", ["gnn"])
def test_raw_samples_are_members_where_few_fillings_are(name):
    # Two in a thousand filled at random are; 85 % were before completions were drawn again.
    assert load_generator(name).sample(500, seed=0).valid.mean() >= 0.98


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
