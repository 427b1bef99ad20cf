"""A graph network as one Python file that needs torch and torch_geometric."""

from importlib.metadata import version

from networks.graphs.hyperparameters import HYPERPARAMETERS
from spaces.costs.gnn_cost import NETWORKS, Network
from spaces.gnn_trees import NODES, OPERATIONS, TOPOLOGIES
from spaces.known import get_space
from spaces.space import Codes

GRAPHS = "gnn"
"""The space whose networks these are."""
_CONVOLUTIONS = {
    "gat": ("GATConv", "GATConv({inputs}, HIDDEN // 2, heads=2)", "attention of two heads"),
    "gcn": ("GCNConv", "GCNConv({inputs}, HIDDEN)", "normalized mean of the neighbours"),
    "gin": ("GINConv", "GINConv(nn.Linear({inputs}, HIDDEN))", "sum of the neighbours and itself"),
    "cheb": ("ChebConv", "ChebConv({inputs}, HIDDEN, K=2)", "Chebyshev filter of order two"),
    "sage": ("SAGEConv", "SAGEConv({inputs}, HIDDEN)", "mean of the neighbours beside itself"),
    "arma": ("ARMAConv", "ARMAConv({inputs}, HIDDEN)", "autoregressive moving average filter"),
    "graph": ("GraphConv", "GraphConv({inputs}, HIDDEN)", "weighted sum of the neighbours beside itself"),
    "fc": (None, "nn.Linear({inputs}, HIDDEN)", "linear layer that sees no neighbours"),
    "skip": (None, None, "passes its input on"),
}
"""Operation → class of torch_geometric.nn, what makes it, and what it computes."""


def graph_program(codes: Codes, task: str) -> str:
    """The text of a file with the network of codes (v,); run, it prints its parameter count or trains.

    Args:
        codes: of an architecture of ``gnn``, canonical.
        task: the data set whose widths and hyperparameters it has.
    """
    space, width = get_space(GRAPHS), NETWORKS[task]
    links, names = TOPOLOGIES[int(codes[0])], [OPERATIONS[int(each)] for each in codes[1:]]
    params = round(float(space.statistics(codes[None], task)["params_m"][0]) * 1e6)
    text = space.format(codes[None])[0]
    used = sorted({made for name in names if (made := _CONVOLUTIONS[name][0]) is not None})
    lines = [
        f'"""A graph network of {space.title} for {task}, written by Netwright {version("netwright")}.',
        "",
        f"    {text}",
        "",
        *explained(codes, task),
        "",
        f"It needs torch and torch_geometric, and has {params:,} parameters on {task}.",
        "",
        "    python FILE                  prints the number of its parameters",
        "    python FILE graph.npz        trains and evaluates it: x (n, f), edge_index (2, m), y (n,), and",
        "                                 boolean masks (n,): train_mask, val_mask, test_mask",
        '"""',
        "",
        "import argparse",
        "",
        "import numpy as np",
        "import torch",
        "from torch import nn",
        *([f"from torch_geometric.nn import {', '.join(used)}"] if used else []),
        "",
        f"FEATURES, CLASSES, HIDDEN = {width.features}, {width.classes}, {width.hidden}",
        f"HYPERPARAMETERS = {HYPERPARAMETERS[task].to_dict()!r}",
        "",
        "",
        *_network(width, links, names),
        _TRAINING,
    ]
    return "\n".join(lines)


def explained(codes: Codes, task: str) -> list[str]:
    """What the string of codes (v,) says, a line each part."""
    links, names = TOPOLOGIES[int(codes[0])], [OPERATIONS[int(each)] for each in codes[1:]]
    width = NETWORKS[task]
    first = "the features, mapped to the hidden width" if width.before else "the features"
    lines = ["Before the colon: which node each of the four reads (0: the input); behind it: what each is."]
    for node, (link, name) in enumerate(zip(links, names, strict=True), start=1):
        reads = first if link == 0 else f"node {link}"
        lines.append(f"- node {node} reads {reads}: {name}, {_CONVOLUTIONS[name][2]}")
    leaves = [str(node) for node in _leaves(links)]
    joined = " and ".join([", ".join(leaves[:-1]), leaves[-1]] if len(leaves) > 1 else leaves)
    many = f"nodes {joined}, concatenated, go" if len(leaves) > 1 else f"node {joined} goes"
    through = "through a linear layer to the classifier" if width.after else "to the classifier"
    return [*lines, f"- {many} {through}"]


def _leaves(links: tuple[int, ...]) -> list[int]:
    """The nodes that no other one reads."""
    return [node for node in range(1, NODES + 1) if node not in links]


def _network(width: Network, links: tuple[int, ...], names: list[str]) -> list[str]:
    """The lines of the module."""
    made, steps = [], []
    raw = {0: not width.before}  # whether a node's output still is the raw features
    if width.before:
        made.append("self.before = nn.Linear(features, HIDDEN)")
        steps.append("h0 = torch.relu(self.before(x))")
    else:
        steps.append("h0 = x")
    for node, (link, name) in enumerate(zip(links, names, strict=True), start=1):
        _, call, _ = _CONVOLUTIONS[name]
        inputs = "features" if raw[link] else "HIDDEN"
        raw[node] = raw[link] and call is None
        if call is None:
            made.append(f"self.norm{node} = nn.BatchNorm1d(HIDDEN)  # counted by the benchmark, not used")
            steps.append(f"h{node} = h{link}")
            continue
        made.append(f"self.node{node} = {call.format(inputs=inputs)}")
        made.append(f"self.norm{node} = nn.BatchNorm1d(HIDDEN)")
        graph = "" if name == "fc" else ", edge_index"
        steps.append(f"h{node} = torch.relu(self.norm{node}(self.node{node}(self.dropout(h{link}){graph})))")
    leaves = _leaves(links)
    joined = ", ".join(f"h{node}" for node in leaves)
    steps.append(f"out = torch.cat([{joined}], dim=1)" if len(leaves) > 1 else f"out = {joined}")
    wide = f"{len(leaves)} * HIDDEN" if len(leaves) > 1 else "HIDDEN"
    if width.after:
        made.append(f"self.after = nn.Linear({wide}, HIDDEN)")
        steps.append("out = torch.relu(self.after(self.dropout(out)))")
        wide = "HIDDEN"
    made.append(f"self.classify = nn.Linear({wide}, classes)")
    steps.append("return self.classify(self.dropout(out))")
    return [
        "class Network(nn.Module):",
        '    """(n, features), (2, m) → (n, classes)."""',
        "",
        "    def __init__(self, features=FEATURES, classes=CLASSES):",
        "        super().__init__()",
        '        self.dropout = nn.Dropout(HYPERPARAMETERS["dropout"])',
        *(f"        {line}" for line in made),
        "",
        "    def forward(self, x, edge_index):",
        *(f"        {line}" for line in steps),
        "",
    ]


_TRAINING = '''
def load(path):
    """The arrays of a graph as tensors."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def accuracy(network, graph, mask):
    """Share of a mask's nodes that are answered right, in percent."""
    network.eval()
    with torch.no_grad():
        answers = network(graph["x"].float(), graph["edge_index"].long()).argmax(dim=1)
    return 100 * float((answers == graph["y"])[graph[mask]].float().mean())


def train(graph, seed=0, epochs=None, log=lambda line: None):
    """The network after training on the training nodes of a graph; a seed gives the same on one thread."""
    torch.manual_seed(seed)
    settings, y, mask = HYPERPARAMETERS, graph["y"].long(), graph["train_mask"].bool()
    network = Network(graph["x"].shape[1], int(y.max()) + 1)
    optimizer = getattr(torch.optim, settings["optimizer"])(
        network.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"]
    )
    for epoch in range(1, (epochs or settings["epochs"]) + 1):
        network.train()
        optimizer.zero_grad()
        scores = network(graph["x"].float(), graph["edge_index"].long())
        loss = nn.functional.cross_entropy(scores[mask], y[mask])
        loss.backward()
        optimizer.step()
        if epoch % 50 == 0:
            reached = accuracy(network, graph, "val_mask")
            log(f"epoch {epoch}: loss {float(loss):.4f}, {reached:.2f} % of val_mask")
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Counts the parameters, or trains on a graph.")
    parser.add_argument("graph", nargs="?", help="npz file")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=None)
    asked = parser.parse_args()
    if asked.graph is None:
        print(sum(parameter.numel() for parameter in Network().parameters()))
    else:
        torch.set_num_threads(1)
        graph = load(asked.graph)
        trained = train(graph, asked.seed, asked.epochs, print)
        print(f"test accuracy: {accuracy(trained, graph, 'test_mask'):.4f} %")
'''
