"""Pretrained networks: without torch they say what torch says; relabelled nodes change nothing; files."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from encoders.arch2vec.model import as_tensors
from encoders.features import feature_names, features
from encoders.pretrained.networks import (
    NoPretrained,
    Pretrained,
    load_pretrained,
    pretrained_bytes,
    pretrained_of,
    read_pretrained,
    save_pretrained,
)
from encoders.pretrained.train import PretrainingOptions, architectures, explained, pretrain
from encoders.proxies.table import smallest
from spaces.known import get_space
from spaces.space import Graph

OPTIONS = PretrainingOptions(members=2, width=19, depth=3, embedding=17, steps=60, batch=64)


@pytest.fixture(scope="module")
def trained():
    return pretrain(get_space("nasbench201"), options=OPTIONS, seed=1)


def test_without_torch_the_same_embeddings(trained):
    ensemble, networks = trained
    codes = ensemble.space.sample(40, np.random.default_rng(0))
    with torch.inference_mode():
        expected = [network.embed(*as_tensors(ensemble.space.graph(codes))).numpy() for network in networks]
    np.testing.assert_allclose(ensemble.embed(codes), np.stack(expected, axis=1), atol=1e-4)


def test_pretraining_learns_what_members_it_did_not_see_cost(trained):
    space = get_space("nasbench201")
    codes, held_out = architectures(space, OPTIONS, seed=1)
    assert not {row.tobytes() for row in codes} & {row.tobytes() for row in held_out}
    assert explained(space, trained[1][0], codes, held_out[:500]) > 0.1


def test_relabelled_nodes_change_nothing(trained):
    ensemble = trained[0]
    graph = ensemble.space.graph(ensemble.space.sample(20, np.random.default_rng(2)))
    order = np.array([3, 0, 5, 1, 6, 2, 4, 7])  # the output stays last
    relabelled = Graph(graph.operations[:, order], graph.adjacency[:, order][:, :, order])
    np.testing.assert_allclose(
        ensemble.embed_graphs(relabelled), ensemble.embed_graphs(graph), atol=1e-4, rtol=1e-4
    )


def test_chains_are_embedded_as_any_graph_is():
    ensemble = load_pretrained("mnasnet")
    codes = ensemble.space.sample(300, np.random.default_rng(3))
    as_graphs = ensemble.embed_graphs(ensemble.space.graph(codes))
    np.testing.assert_allclose(ensemble.embed(codes), as_graphs, atol=1e-4)


def test_survives_its_file_and_refuses_others(trained, tmp_path):
    ensemble = trained[0]
    path = tmp_path / "networks.safetensors"
    assert save_pretrained(ensemble, path) == ensemble.digest()
    assert read_pretrained(path, ensemble.space).digest() == ensemble.digest()
    data = pretrained_bytes(ensemble)
    for bad, name in ((data[: len(data) // 2], "nasbench201"), (b"nothing", "nasbench201"), (data, "gnn")):
        with pytest.raises(NoPretrained):
            pretrained_of(bad, get_space(name))
    with pytest.raises(NoPretrained):
        read_pretrained(tmp_path / "absent", ensemble.space)
    other = Pretrained(ensemble.space, ensemble.networks[:1])
    assert other.digest() != ensemble.digest()


@pytest.mark.parametrize("name", ["nasbench201", "gnn", "mnasnet"])
def test_shipped_ones_are_features_named_after_their_weights(name):
    space = get_space(name)
    codes = space.sample(30, np.random.default_rng(0))
    codes = smallest(space, codes) if name == "nasbench201" else codes
    ensemble = load_pretrained(name)
    np.testing.assert_allclose(
        features(space, codes, kinds=["pretrained"]), ensemble.embed(codes).reshape(30, -1), atol=1e-4
    )
    which = ensemble.digest().removeprefix("sha256:")[:8]
    assert feature_names(space, ["pretrained"])[0] == f"pretrained-{which}:0.0"


def test_members_that_compute_one_function_have_one_embedding():
    space = get_space("nasbench201")
    codes = space.sample(200, np.random.default_rng(0))
    least = smallest(space, codes)
    assert (least != codes).any()
    assert [space.isomorphism_key(row) for row in least] == [space.isomorphism_key(row) for row in codes]
    embedded = [features(space, part, kinds=["pretrained"]) for part in (codes, least)]
    np.testing.assert_array_equal(*embedded)


def test_embedding_loads_no_torch():
    code = """
import sys, numpy as np
from encoders.features import features
from spaces.known import get_space
space = get_space("gnn")
features(space, space.sample(5, np.random.default_rng(0)), kinds=["pretrained"])
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
