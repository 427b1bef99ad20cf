"""How NAS-Bench-Graph trained its networks on each data set (Qin et al., NeurIPS 2022, appendix).

Hidden width and linear layers before and after are those of :mod:`spaces.costs.gnn_cost`, which gives the
benchmark's own parameter counts. Dropout, optimizer, rates and epochs are quoted; no table here confirms
them.
"""

from dataclasses import asdict, dataclass

from spaces.costs.gnn_cost import NETWORKS


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Of one data set.

    Args:
        dropout: share of the activations before each operation and the classifier.
        optimizer: ``SGD`` or ``Adam`` of torch.optim, everything else as it has it.
        learning_rate: constant.
        weight_decay: of all parameters.
        epochs: steps on the whole graph.
    """

    dropout: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    epochs: int

    def to_dict(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


HYPERPARAMETERS = {
    "cora": Hyperparameters(0.7, "SGD", 0.1, 5e-4, 400),
    "citeseer": Hyperparameters(0.7, "SGD", 0.2, 5e-4, 400),
    "pubmed": Hyperparameters(0.3, "SGD", 0.2, 5e-4, 500),
    "cs": Hyperparameters(0.6, "SGD", 0.5, 5e-4, 400),
    "physics": Hyperparameters(0.4, "SGD", 0.01, 0.0, 200),
    "photo": Hyperparameters(0.7, "Adam", 0.0002, 5e-4, 500),
    "computers": Hyperparameters(0.1, "Adam", 0.005, 5e-4, 500),
    "arxiv": Hyperparameters(0.2, "Adam", 0.002, 0.0, 500),
    "proteins": Hyperparameters(0.0, "Adam", 0.01, 5e-4, 500),
}
assert HYPERPARAMETERS.keys() == NETWORKS.keys()
