"""DiffusionNAG's method: its process, its network, and the weights that ship."""

import numpy as np
import pytest
import torch

from generator.masked.weights import DamagedWeights
from generator.score_sde.diffusion import ScoreOptions, ScoreSde, one_hots, read_off
from generator.score_sde.score_network import NoisyPredictor, ScoreNetwork, ScoreShape, reachable
from generator.score_sde.train import ScoreTraining, train_noisy_predictor, train_score_sde
from generator.score_sde.weights import load_score_sde, read_score_sde, save_score_sde
from generator.split import training_share
from spaces.known import get_space

SPACE = get_space("nasbench201")
# Every width has a number of its own, so that a shape bug shows.
SHAPE = ScoreShape(width=20, layers=2, heads=5, feedforward=18, decoder=17)


class Exact(ScoreNetwork):
    """The true score of uniform cells: each node's operation is a mixture of Gaussians."""

    def __init__(self) -> None:
        super().__init__(len(SPACE.operations), torch.from_numpy(SPACE.skeleton), SHAPE)
        n, k = len(SPACE.skeleton), len(SPACE.operations)
        self.allowed = torch.zeros(n, k, dtype=torch.bool)
        self.allowed[0, 0] = self.allowed[-1, -1] = True
        self.allowed[1:-1, 1:-1] = True

    def forward(self, x, t):
        sigma = ScoreOptions().sigma(t)[:, None, None]
        means = 2 * torch.eye(x.shape[-1]) - 1
        distances = (x[:, :, None, :] - means).square().sum(-1)  # (b, n, k)
        weights = (-distances / (2 * sigma**2)).masked_fill(~self.allowed, -torch.inf).softmax(-1)
        return (weights @ means - x) / sigma


def test_the_variance_that_the_sde_adds_is_that_of_its_marginals():
    options = ScoreOptions()
    t = torch.linspace(0, 1, 20_001, dtype=torch.float64)
    added = torch.trapezoid(options.diffusion(t) ** 2, t).item()
    assert added == pytest.approx(options.sigma_max**2 - options.sigma_min**2, rel=1e-6)


def test_with_the_true_score_the_sampler_draws_uniform_cells():
    model = ScoreSde(SPACE, Exact(), ScoreOptions(scales=200))
    drawn = model.sample(400, seed=0)
    assert model.calls == 400 and drawn.valid.mean() > 0.97
    for edge in range(6):
        share = np.bincount(drawn.codes[drawn.valid][:, edge], minlength=5) / drawn.valid.sum()
        # Five standard errors of a fifth of some 390: fails by chance about once in 10⁵ runs.
        assert np.abs(share - 0.2).max() < 0.1


def test_guidance_moves_towards_what_the_predictor_wants_and_counts_its_calls():
    class MoreConvolutions(NoisyPredictor):
        def forward(self, x, t):
            return 4.0 * x[:, 1:-1, 4].sum(-1)  # nor_conv_3x3

    model = ScoreSde(SPACE, Exact(), ScoreOptions(scales=60))
    wish = MoreConvolutions(len(SPACE.operations), torch.from_numpy(SPACE.skeleton), SHAPE)
    guided = model.sample(60, seed=0, predictor=wish)
    assert model.calls == 240
    free = model.sample(60, seed=0)
    convolutions = [(part.codes[part.valid] == 3).mean() for part in (guided, free)]
    assert convolutions[0] > convolutions[1] + 0.2


def test_what_is_read_off_is_what_was_encoded_and_nothing_else():
    codes = SPACE.sample(11, np.random.default_rng(0))
    x = one_hots(SPACE, codes)
    read, valid = read_off(SPACE, x + 0.3)
    assert valid.all() and (read == codes).all()
    twice, none, start = x.clone(), x.clone(), x.clone()
    twice[:, 2] = 1.0
    none[:, 3] = -1.0
    start[:, 4] = x[:, 0]
    for wrong in (twice, none, start):
        assert not read_off(SPACE, wrong)[1].any()


def test_nodes_attend_only_where_a_path_joins_them():
    joined = reachable(torch.from_numpy(SPACE.skeleton))
    assert (joined == joined.T).all() and joined.diagonal().all()
    assert joined[0].all() and joined[-1].all()
    assert not joined[1, 4] and joined[1, 3]  # two edges into other nodes; an edge and its successor


def test_training_lowers_the_loss_and_weights_survive_a_file(tmp_path):
    learned = training_share(SPACE, 0.5)
    assert len(learned) == 7812 and (training_share(SPACE, 0.5) == learned).all()
    model, card = train_score_sde(
        SPACE, learned, options=ScoreTraining(80, 16, learning_rate=1e-2), shape=SHAPE
    )
    assert card["loss"] < 0.9  # a network that says nothing has 1
    path = tmp_path / "again.safetensors"
    digest = save_score_sde(model, path)
    again = read_score_sde(path, SPACE)
    x, t = torch.randn(3, 8, 7), torch.rand(3)
    assert again.digest == digest and torch.allclose(again.score(x, t), model.score(x, t))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamagedWeights):
        read_score_sde(path, SPACE)
    with pytest.raises(ValueError, match="graph of gnn varies"):
        train_score_sde(get_space("gnn"), get_space("gnn").sample(3, np.random.default_rng(0)))


def test_the_noise_aware_predictor_learns_where_noise_is_small():
    codes = SPACE.sample(200, np.random.default_rng(0))
    values = (codes == 3).sum(axis=1).astype(float)
    network = train_noisy_predictor(
        SPACE, codes, values, steps=120, batch=32, learning_rate=3e-3, shape=SHAPE
    )
    with torch.no_grad():
        seen = network(one_hots(SPACE, codes), torch.zeros(len(codes))).numpy()
    assert np.corrcoef(seen, values)[0, 1] > 0.8


def test_the_shipped_network_knows_the_score_and_is_small():
    model = load_score_sde("nasbench201")
    assert sum(parameter.numel() for parameter in model.network.parameters()) <= 700_000
    codes = SPACE.sample(200, np.random.default_rng(1))
    torch.manual_seed(0)
    x0, t = one_hots(SPACE, codes), torch.full((200,), 0.3)
    x = x0 + model.options.sigma(t)[:, None, None] * torch.randn(x0.shape)
    error = (model.score(x, t) - Exact()(x, t) / model.options.sigma(t)[:, None, None]).square().mean()
    size = (Exact()(x, t) / model.options.sigma(t)[:, None, None]).square().mean()
    assert error < 0.01 * size
    # The shipped weights' card says how the 1,000 scales do; 40 are enough to see that they work.
    model.options = ScoreOptions(scales=40)
    assert model.sample(32, seed=0).valid.mean() > 0.5
