"""Zero-cost proxies: by hand on networks small enough, and the table that ships."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from scipy.stats import spearmanr
from torch import nn
from torch.nn.functional import cross_entropy, softmax

from encoders.features import DEFAULT_KINDS, feature_names, features
from encoders.proxies import compute, ship
from encoders.proxies import table as score_table
from encoders.proxies.compute import compute_scores, score_network
from encoders.proxies.kinds import PROXIES
from encoders.proxies.proxy import Batch
from encoders.proxies.table import (
    DEEP,
    LIMIT,
    SMALL,
    NoScores,
    classes,
    read_scores,
    save_scores,
    scores,
    shipped_path,
    standardized,
)
from encoders.proxies.table import score_names as shipped_names
from networks import NoNetwork, build
from spaces.known import get_space

SPACE = get_space("nasbench201")
DEAD = SPACE.parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")
NAMES = ("grad_norm", "jacob_cov", "naswot", "snip", "synflow", "zen")


def batch(count=4, side=6):
    generator = torch.Generator().manual_seed(0)
    return Batch(
        torch.randn(count, 3, side, side, generator=generator),
        torch.randint(5, (count,), generator=generator),
    )


def value(name, network, given):
    return PROXIES.get(name)().value(network, given)


def test_all_are_found():
    assert SMALL.names == NAMES == shipped_names(SPACE)
    assert PROXIES.built_in() == {*SMALL.names, *DEEP.names}


def test_synflow_is_conserved_from_layer_to_layer():
    """Without biases each of the two layers holds the whole flow, batch norm or not (Tanaka et al.)."""
    first, second = nn.Linear(12, 7, bias=False), nn.Linear(7, 5, bias=False)
    flow = (second.weight.abs() @ first.weight.abs() @ torch.ones(12)).sum().item()
    network = nn.Sequential(nn.Flatten(), first, second)
    assert value("synflow", network, batch(4, 2)) == pytest.approx(np.log(2 * flow), rel=1e-5)
    scaled = nn.BatchNorm2d(3)
    scaled.weight.data.fill_(17.0)
    network = nn.Sequential(scaled, nn.Flatten(), first, second)
    assert value("synflow", network, batch(4, 2)) == pytest.approx(np.log(2 * flow), rel=1e-5)


def test_naswot_by_hand():
    """Codes 110, 100 and 011 agree in 3, 2, 1 | 2, 3, 0 | 1, 0, 3 units."""
    images = torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, 1.0]])
    network = nn.Sequential(nn.Flatten(), nn.ReLU())
    given = Batch(images[:, :, None, None], torch.zeros(3, dtype=torch.int64))
    kernel = np.array([[3.0, 2, 1], [2, 3, 0], [1, 0, 3]])
    assert value("naswot", network, given) == pytest.approx(np.log(np.linalg.det(kernel)), rel=1e-5)
    same = Batch(given.images[[0, 0, 1]], given.targets)
    assert value("naswot", network, same) == -np.inf


def test_gradient_norm_and_snip_by_hand():
    """A linear layer's gradient is the mean of (probabilities − target) ⊗ input."""
    given, layer = batch(), nn.Linear(108, 5)
    inputs = given.images.flatten(1)
    error = softmax(layer(inputs), dim=1) - torch.eye(5)[given.targets]
    gradient = (error.T @ inputs / len(inputs)).detach()
    network = nn.Sequential(nn.Flatten(), layer)
    assert value("grad_norm", network, given) == pytest.approx(gradient.norm().log().item(), rel=1e-4)
    expected = (gradient * layer.weight).abs().sum().log().item()
    assert value("snip", network, given) == pytest.approx(expected, rel=1e-4)


def test_fisher_by_hand():
    """A channel's outputs times their slopes, summed over places, squared; once for each of its weights."""
    given = batch()
    first, last = nn.Conv2d(3, 7, 1).double(), nn.Linear(7, 5).double()
    network = nn.Sequential(first, nn.AdaptiveAvgPool2d(1), nn.Flatten(), last)
    given = Batch(given.images.double(), given.targets)
    maps = first(given.images)
    logits = last(maps.mean(dim=(2, 3)))
    error = (softmax(logits, dim=1) - torch.eye(5)[given.targets]) / len(logits)
    # The pooled map's slope is the error through the last layer, spread evenly over 36 places.
    of_first = (maps * (error @ last.weight)[:, :, None, None] / 36).sum(dim=(2, 3))
    of_last = logits * error
    expected = (3 * (of_first**2).sum() + 7 * (of_last**2).sum()) / (2 * len(logits))
    assert value("fisher", network, given) == pytest.approx(expected.log().item(), rel=1e-9)


def test_grasp_is_what_a_step_along_the_gradient_does_to_it():
    given, layer = batch(), nn.Linear(108, 5).double()
    given = Batch(given.images.double(), given.targets)
    network = nn.Sequential(nn.Flatten(), layer)

    def slope():
        loss = cross_entropy(network(given.images), given.targets)
        return torch.autograd.grad(loss, layer.weight)[0]

    weight, first, step = layer.weight.detach().clone(), slope(), 1e-6
    layer.weight.data = weight + step * first
    product = (slope() - first) / step
    layer.weight.data = weight
    expected = -(weight * product).sum().item()
    signed = np.sign(expected) * np.log1p(abs(expected))
    assert value("grasp", network, given) == pytest.approx(signed, rel=1e-3)


def test_synflow_of_a_deep_network_overflows_no_precision():
    layers = [nn.Linear(64, 64, bias=False) for _ in range(60)]
    for layer in layers:
        layer.weight.data.fill_(1.0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 64, bias=False), *layers)
    network[1].weight.data.fill_(1.0)
    expected = np.log(61.0) + np.log(12.0) + 61 * np.log(64.0)
    assert value("synflow", network, batch(4, 2)) == pytest.approx(expected, rel=1e-5)


def test_the_jacobian_of_a_linear_network_is_one_and_the_same():
    """All rows correlate fully: one eigenvalue is the number of images, the others are 0."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(108, 5))
    small = 1e-5
    expected = -(3 * (np.log(small) + 1 / small) + np.log(4 + small) + 1 / (4 + small))
    assert value("jacob_cov", network, batch()) == pytest.approx(expected, rel=1e-3)


def test_zen_puts_back_the_scale_that_a_norm_takes_out():
    found = []
    for norm in (nn.BatchNorm2d(16), nn.Identity()):
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), norm, nn.AdaptiveAvgPool2d(1))
        found.append(value("zen", network, batch(16, 8)))
        assert not any(module._forward_hooks for module in network.modules())
    assert found[0] == pytest.approx(found[1], abs=0.1)
    # Each of 16 × 8 × 8 features moves by a hundredth of a sum of 27 standard normal products.
    assert found[0] == pytest.approx(np.log(0.01 * np.sqrt(27 * 16 * 64)), abs=0.2)


def test_a_network_that_is_zero_has_no_signal():
    empty = SPACE.parse("|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|")
    for wanted in (SMALL, DEEP):
        assert np.all(score_network(SPACE, empty, seed=0, wanted=wanted) == -np.inf)


def test_the_seed_decides_and_nothing_else_changes():
    cell = SPACE.parse(SPACE.example)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = score_network(SPACE, cell, seed=0)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.array_equal(first, score_network(SPACE, cell, seed=0))
    assert np.all(first != score_network(SPACE, cell, seed=1))


def test_the_small_network_has_the_same_cell_and_fewer_of_them():
    skeletons = [SPACE.network_config(skeleton=skeleton) for skeleton in ("small", "full")]
    small, full = (build("nasbench201", SPACE.example, skeleton) for skeleton in skeletons)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in full.parameters()) / 10
    assert small(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
    with pytest.raises(NoNetwork):
        score_network(get_space("gnn"), get_space("gnn").parse("0|1|1|2:gcn|gat|skip|sage"), seed=0)


def test_an_interrupted_run_is_carried_on(tmp_path, monkeypatch):
    monkeypatch.setattr(compute, "_SAVED_EVERY", 2)
    codes = SPACE.sample(5, np.random.default_rng(0))
    whole = compute_scores(SPACE, codes, seed=3).values
    file, calls = tmp_path / "scores.npz", []

    def interrupted(space, row, *, seed, wanted):
        calls.append(row)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return score_network(space, row, seed=seed, wanted=wanted)

    monkeypatch.setattr(compute, "score_network", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compute_scores(SPACE, codes, seed=3, resume=file)
    reported = []
    computed = compute_scores(
        SPACE, codes, seed=3, resume=file, progress=lambda *said: reported.append(said[:2])
    )
    assert np.array_equal(computed.values, whole)
    assert len(calls) == 4 + 3 and reported == [(4, 5), (5, 5)], "two were done and saved before"
    with pytest.raises(ValueError, match=r"\(5, 6\)"):
        compute_scores(SPACE, codes[:3], resume=file)
    with pytest.raises(ValueError, match="other scores"):
        compute_scores(SPACE, codes, wanted=DEEP, resume=file)


def test_a_class_is_scored_by_its_smallest_member():
    known = classes(SPACE)
    assert len(known.keys) == 6466 and list(known.keys) == sorted(set(known.keys))
    codes = SPACE.enumerate()
    params = SPACE.statistics(codes)["params_m"]
    smallest = np.full(len(known.keys), np.inf)
    np.minimum.at(smallest, known.rows, params)
    assert np.array_equal(SPACE.statistics(known.codes)["params_m"], smallest)
    for row in (0, 3000, 6465):
        assert SPACE.isomorphism_key(known.codes[row]) == known.keys[row]


@pytest.mark.parametrize(("wanted", "some"), [(SMALL, 12), (DEEP, 3)], ids=["small", "deep"])
def test_what_ships_is_what_is_computed(wanted, some):
    names, values = read_scores(shipped_path("nasbench201", wanted), SPACE)
    assert names == wanted.names and values.shape == (6466, 6)
    assert shipped_path("nasbench201", wanted).stat().st_size < 200_000
    rows = np.random.default_rng(1).choice(6466, size=some, replace=False)
    silent = np.flatnonzero(np.isinf(values).any(axis=1))
    assert len(silent) == 5 and np.all(values[silent] == -np.inf)
    rows = np.append(rows, silent[0])
    again = compute_scores(SPACE, classes(SPACE).codes[rows], seed=0, wanted=wanted).values
    np.testing.assert_allclose(values[rows], again, rtol=2e-3, atol=2e-3)


def test_scores_go_along_with_accuracy(tables):
    """On AnalogNAS-Bench's fp32 accuracies, which no score has seen."""
    codes = SPACE.enumerate()
    truth = tables.values("nasbench201", "accuracy@cifar10-fp32", codes)
    found = dict(zip(NAMES, scores(SPACE, codes).T, strict=True))
    for name, least in [("synflow", 0.7), ("naswot", 0.65), ("zen", 0.65), ("jacob_cov", 0.6), ("snip", 0.4)]:
        assert spearmanr(found[name], truth).statistic > least, name
    found = dict(zip(DEEP.names, score_table.scaled_scores(SPACE, codes).T, strict=True))
    for name, least in [
        ("synflow", 0.7),
        ("jacob_cov", 0.6),
        ("snip", 0.5),
        ("grad_norm", 0.5),
        ("grasp", 0.4),
    ]:
        assert spearmanr(found[name], truth).statistic > least, name


def test_twins_share_their_scores_and_a_dead_cell_lies_at_the_limit():
    twins = SPACE.parse_many(
        [
            "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
            "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|skip_connect~2|",
        ]
    )
    found = scores(SPACE, twins)
    assert np.array_equal(found[0], found[1])
    assert np.all(scores(SPACE, DEAD[None]) == -LIMIT)
    everyone = scores(SPACE, SPACE.enumerate())
    assert everyone.dtype == np.float32 and np.all(np.abs(everyone) <= LIMIT)
    assert scores(SPACE, twins[:0]).shape == (0, 6)


def test_scaled_scores_lie_between_none_and_the_best():
    cells = SPACE.enumerate()
    scaled = score_table.scaled_scores(SPACE, cells)
    assert scaled.min() == 0.0
    assert np.allclose(scaled.max(axis=0), 1.0)
    dead = SPACE.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")[None]
    assert (score_table.scaled_scores(SPACE, dead) == 0.0).all()
    values = read_scores(shipped_path("nasbench201", DEEP), SPACE)[1][classes(SPACE).rows]
    order = np.argsort(values[:, 0], kind="stable")
    assert (np.diff(scaled[order, 0]) >= 0).all(), "in the order of the scores"


def test_standardizing_shrugs_off_outliers():
    values = np.random.default_rng(0).normal(5, 2, size=(2000, 1)).astype(np.float32)
    broken = values.copy()
    broken[:50], broken[50:60] = 1e9, -np.inf
    clean, found = standardized(values), standardized(broken)
    assert abs(clean.std() - 1) < 0.05
    assert np.abs(found[60:] - clean[60:]).max() < 0.15
    assert np.all(found[:50] == LIMIT) and np.all(found[50:60] == -LIMIT)


def test_a_feature_kind_where_they_ship():
    assert "scores" not in DEFAULT_KINDS
    codes = SPACE.sample(3, np.random.default_rng(0))
    assert np.array_equal(features(SPACE, codes, kinds=["scores"]), scores(SPACE, codes))
    assert feature_names(SPACE, ["scores"]) == tuple(f"score:{name}" for name in NAMES)
    assert np.array_equal(features(SPACE, codes, kinds=["deep_scores"]), scores(SPACE, codes, DEEP))
    assert feature_names(SPACE, ["deep_scores"]) == tuple(f"deep_score:{name}" for name in DEEP.names)
    with pytest.raises(NoScores):
        feature_names(get_space("gnn"), ["scores"])


def test_a_set_ships_with_a_card_under_its_own_name(tmp_path, tables, monkeypatch):
    computed = compute.Computed(read_scores(shipped_path("nasbench201", DEEP), SPACE)[1], 2.0)
    monkeypatch.setattr(ship, "compute_scores", lambda *given, **named: computed)
    reported = ship.ship_scores("nasbench201", tmp_path, tables=tables, wanted=DEEP)
    assert {path.name for path in tmp_path.iterdir()} == {
        "nasbench201-deep.safetensors",
        "nasbench201-deep.md",
    }
    assert np.array_equal(read_scores(tmp_path / "nasbench201-deep.safetensors", SPACE)[1], computed.values)
    card = (tmp_path / "nasbench201-deep.md").read_text()
    assert "train scores nasbench201 --deep" in card and reported["digest"] in card
    assert set(reported["spearman"]["accuracy@cifar10-fp32"]) == set(DEEP.names)


@pytest.mark.parametrize("damage", ["cut", "format", "classes", "rows", "nan", "missing"])
def test_a_damaged_file_is_refused(tmp_path, damage, monkeypatch):
    path = tmp_path / "nasbench201.safetensors"
    values = load_file(shipped_path("nasbench201"))["values"]
    if damage == "rows":
        values = values[:-1]
    if damage == "nan":
        values = values.copy()
        values[0, 0] = np.nan
    if damage == "format":
        save_file({"values": values}, path, {"about": '{"format": "other", "names": []}'})
    elif damage != "missing":
        with monkeypatch.context() as patched:
            if damage == "classes":  # as if the key had once been another
                patched.setattr(score_table, "_keys_digest", lambda known: "other")
            save_scores(SPACE, NAMES, values, path, seed=0)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NoScores):
        read_scores(path, SPACE)
