r"""arch2vec (Yan et al., NeurIPS 2020): a variational graph autoencoder that learns without labels.

Notation, with that of :mod:`spaces.space`::

    x   (b, n, k)   one-hot operations of the nodes
    a   (b, n, n)   adjacency, upper triangular
    z   (b, n, d)   latents, one a node

Encoder: graph isomorphism layers (Xu et al., ICLR 2019) over A and over Aᵀ; mean and standard deviation of z
are linear in the last one. Decoder: :math:`\hat X = \mathrm{softmax}(z W)`,
:math:`\hat A = \sigma(z z^\top + c)`, whose upper triangle is read. Both treat every node alike, so
relabelled nodes give relabelled latents. The paper has no offset c; without it two nodes that are each
other's mirror image, which have one latent, are always joined: :math:`z^\top z \ge 0`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot
from torch_geometric.nn import DenseGINConv

from spaces.space import Graph


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the autoencoder.

    Args:
        width: of the hidden layers.
        depth: graph isomorphism layers.
        latent: d.
    """

    width: int = 64
    depth: int = 4
    latent: int = 16


class Latents(NamedTuple):
    """The posterior of the latents given graphs.

    Shapes:
        mean: (b, n, d)
        log_std: (b, n, d)
    """

    mean: Tensor
    log_std: Tensor


class Logits(NamedTuple):
    """What the decoder says of graphs, before softmax and sigmoid.

    Shapes:
        operations: (b, n, k)
        adjacency: (b, n, n), symmetric
    """

    operations: Tensor
    adjacency: Tensor


class IsomorphismLayer(nn.Module):
    r"""Graph isomorphism convolutions along and against the edges, added, normalized, rectified (Xu et al.,
    ICLR 2019, "How Powerful are Graph Neural Networks?").

    .. math:: h' = \mathrm{ReLU}(\mathrm{BN}(\mathrm{MLP}_1((1+\epsilon_1) h + A h)
                   + \mathrm{MLP}_2((1+\epsilon_2) h + A^\top h)))

    :math:`\epsilon_1, \epsilon_2` are learned. Row i of A holds the edges that leave node i, so that A h sums
    over successors and :math:`A^\top h` over predecessors.

    Args:
        inputs: width of the node vectors.
        outputs: width of the next layer's.

    Shapes:
        forward: h (b, n, inputs), a (b, n, n) → (b, n, outputs)
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.onward, self.backward_ = (
            DenseGINConv(
                nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Linear(outputs, outputs)),
                train_eps=True,
            )
            for _ in range(2)
        )
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, h: Tensor, a: Tensor) -> Tensor:
        """The next layer's node vectors."""
        total = self.onward(h, a) + self.backward_(h, a.transpose(1, 2))
        normalized: Tensor = self.norm(total.flatten(0, 1)).view_as(total)
        return normalized.relu()


class Arch2Vec(nn.Module):
    """The autoencoder of one space's graphs.

    Args:
        vocabulary: number of operations k, the graph's ends included.
        shape: sizes.
    """

    def __init__(self, vocabulary: int, shape: Shape) -> None:
        super().__init__()
        self.vocabulary, self.shape = vocabulary, shape
        widths = [vocabulary] + [shape.width] * shape.depth
        self.layers = nn.ModuleList(IsomorphismLayer(*pair) for pair in pairwise(widths))
        self.mean = nn.Linear(shape.width, shape.latent)
        self.log_std = nn.Linear(shape.width, shape.latent)
        self.operations = nn.Linear(shape.latent, vocabulary)
        self.offset = nn.Parameter(torch.zeros(()))
        self.register_buffer("axes", torch.eye(shape.latent))
        self.axes: Tensor

    def encode(self, operations: Tensor, adjacency: Tensor) -> Latents:
        """The posterior of the latents.

        Args:
            operations: (b, n) int64.
            adjacency: (b, n, n) float32.
        """
        h = one_hot(operations, self.vocabulary).to(adjacency.dtype)
        for layer in self.layers:
            h = layer(h, adjacency)
        return Latents(self.mean(h), self.log_std(h).clamp(-6, 2))

    def decode(self, z: Tensor) -> Logits:
        """What latents (b, n, d) stand for."""
        return Logits(self.operations(z), z @ z.transpose(1, 2) + self.offset)

    def latents(self, operations: Tensor, adjacency: Tensor) -> Tensor:
        """The posterior's mean (b, n, d), in the principal axes once :meth:`turn` has found them."""
        found: Tensor = self.encode(operations, adjacency).mean @ self.axes
        return found

    def read(self, latents: Tensor) -> Logits:
        """What :meth:`latents` (b, n, d) stand for."""
        return self.decode(latents @ self.axes.T)

    def turn(self, operations: Tensor, adjacency: Tensor) -> None:
        """Turns the latents to the principal axes in which they vary at their nodes, largest first.

        The decoder sees inner products and linear maps alone, so any rotation is the same model; in these
        axes a node's coordinates are uncorrelated, as a prior with one standard deviation for each
        coordinate supposes.
        """
        mean = self.encode(operations, adjacency).mean
        spread = (mean - mean.mean(dim=0)).flatten(0, 1)
        self.axes.copy_(torch.linalg.eigh(spread.T @ spread / len(spread)).eigenvectors.flip(1))

    def loss(
        self, operations: Tensor, adjacency: Tensor, *, edge_weight: float, divergence_weight: float
    ) -> Tensor:
        r"""Negative evidence bound in nats a graph, its parts weighted (Higgins et al. 2017).

        .. math:: -\log p(X \mid z) - \gamma\, \log p(A \mid z)
                  + \beta\, \mathrm{KL}(q(z \mid X, A) \| N(0, I))

        Args:
            operations: (b, n) int64.
            adjacency: (b, n, n) float32.
            edge_weight: γ.
            divergence_weight: β.
        """
        mean, log_std = self.encode(operations, adjacency)
        z = mean + log_std.exp() * torch.randn_like(mean)
        logits = self.decode(z)
        of_operations = cross_entropy(logits.operations.flatten(0, 1), operations.flatten(), reduction="sum")
        above = torch.ones_like(adjacency[0], dtype=torch.bool).triu(1)
        of_edges = binary_cross_entropy_with_logits(
            logits.adjacency[:, above], adjacency[:, above], reduction="sum"
        )
        divergence = 0.5 * (mean**2 + (2 * log_std).exp() - 1 - 2 * log_std).sum()
        total: Tensor = of_operations + edge_weight * of_edges + divergence_weight * divergence
        return total / len(operations)


def as_tensors(graph: Graph) -> tuple[Tensor, Tensor]:
    """Operations (b, n) int64 and adjacency (b, n, n) float32 of graphs."""
    return torch.tensor(graph.operations), torch.tensor(graph.adjacency, dtype=torch.float32)
