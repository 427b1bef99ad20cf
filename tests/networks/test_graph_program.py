"""A graph network's file: its parameters are the benchmark's count on every data set; it learns a graph."""

import numpy as np
import pytest
import torch

from networks.export import program
from networks.graphs.hyperparameters import HYPERPARAMETERS
from spaces.gnn_trees import OPERATIONS, TOPOLOGIES
from spaces.known import get_space

SPACE = get_space("gnn")


def loaded(architecture, task="cora"):
    """What the file defines, run as somebody else would."""
    text = program("gnn", architecture, SPACE.network_config(task))
    names = {"__name__": "network"}
    exec(compile(text, "network.py", "exec"), names)
    return text, names


def architectures(task):
    """One for each topology, with all operations that the task has among them."""
    known = ("gcn", "sage", "arma", "fc", "skip") if task == "proteins" else OPERATIONS
    for index, links in enumerate(TOPOLOGIES):
        operations = [known[(index + 2 * node) % len(known)] for node in range(4)]
        yield f"{'|'.join(map(str, links))}:{'|'.join(operations)}"


@pytest.mark.parametrize("task", HYPERPARAMETERS)
def test_the_parameters_are_the_benchmarks_count(task):
    for architecture in architectures(task):
        codes = SPACE.parse(architecture)[None]
        with torch.device("meta"):
            network = loaded(architecture, task)[1]["Network"]()
        count = sum(parameter.numel() for parameter in network.parameters())
        assert count == round(1e6 * float(SPACE.statistics(codes, task)["params_m"][0])), architecture


def blocks(count=120, classes=3, seed=0):
    """A graph of a stochastic block model with features that say little."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    chance = np.where(y[:, None] == y[None], 0.2, 0.01)
    upper = np.triu(rng.random((count, count)) < chance, 1)
    edges = np.stack(np.nonzero(upper | upper.T))
    x = rng.normal(size=(count, 8)).astype(np.float32)
    x[np.arange(count), y] += 0.7
    part = rng.permutation(count) % 3
    masks = dict(zip(("train_mask", "val_mask", "test_mask"), (part == 0, part == 1, part == 2), strict=True))
    return {"x": x, "edge_index": edges, "y": y, **masks}


def test_it_learns_a_graph_and_a_seed_gives_the_same(tmp_path):
    np.savez(tmp_path / "graph.npz", **blocks())
    text, names = loaded("0|1|1|2:gcn|cheb|fc|sage", "computers")
    assert "node 4 reads node 2: sage" in text and "nodes 3 and 4, concatenated" in text
    graph = names["load"](tmp_path / "graph.npz")
    reached = []
    for _ in range(2):
        network = names["train"](graph, epochs=40)
        reached.append(names["accuracy"](network, graph, "test_mask"))
    assert reached[0] == reached[1] > 70


def test_every_operation_runs_on_a_graph():
    graph = {name: torch.from_numpy(value) for name, value in blocks(30).items()}
    for architecture in architectures("cora"):
        names = loaded(architecture)[1]
        network = names["Network"](features=8, classes=3)
        assert network(graph["x"], graph["edge_index"]).shape == (30, 3), architecture
