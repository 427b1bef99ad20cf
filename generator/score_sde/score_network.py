"""The score network of ``score_sde``: a transformer over the graph's nodes, conditioned on the noise and the
graph.

As in DiffusionNAG (An et al., ICLR 2024), after CATE (Yan et al. 2021): the nodes' noisy one-hots are
embedded, a sinusoidal code of their topological position and an embedding of the noise level are added,
attention is restricted to nodes that a path joins, and the normalized outputs of all layers are decoded.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class ScoreShape:
    """Sizes of the network; part of the weights' metadata."""

    width: int = 64
    layers: int = 4
    heads: int = 4
    feedforward: int = 128
    decoder: int = 256


def sinusoids(values: Tensor, width: int) -> Tensor:
    """Sines and cosines (b, width) of values (b,) at geometrically falling frequencies."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, device=values.device) * (-math.log(10_000.0) / (half - 1)))
    angles = values[:, None].float() * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def reachable(adjacency: Tensor) -> Tensor:
    """Which nodes (n, n) a path of the graph joins, in either direction, or are the same."""
    n = len(adjacency)
    closure = adjacency.bool() | torch.eye(n, dtype=torch.bool, device=adjacency.device)
    for _ in range(n):
        closure = (closure.float() @ closure.float()) > 0
    return closure | closure.T


class _Layer(nn.Module):
    """Pre-norm attention and a feed-forward layer."""

    def __init__(self, shape: ScoreShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norm1 = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.norm2 = nn.LayerNorm(shape.width)
        self.feedforward = nn.Sequential(
            nn.Linear(shape.width, shape.feedforward), nn.ReLU(), nn.Linear(shape.feedforward, shape.width)
        )

    def forward(self, h: Tensor, joined: Tensor) -> Tensor:
        b, n, d = h.shape
        q, k, v = self.qkv(self.norm1(h)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=joined)
        h = h + self.out(attended.transpose(1, 2).reshape(b, n, d))
        return h + self.feedforward(self.norm2(h))  # type: ignore[no-any-return]


class GraphEncoder(nn.Module):
    """What score network and noise-aware predictor share.

    Args:
        operations: vocabulary size k of the nodes.
        adjacency: (n, n), of the graph that is given; nodes in topological order.
        shape: sizes.

    Shapes:
        x: (b, n, k) float32, noisy one-hots, scaled to −1 and 1
        t: (b,) noise levels in [0, 1]
        returns: (b, n, layers · width)
    """

    joined: Tensor
    positions: Tensor

    def __init__(self, operations: int, adjacency: Tensor, shape: ScoreShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("joined", reachable(adjacency), persistent=False)
        positions = sinusoids(torch.arange(len(adjacency)), shape.width)
        self.register_buffer("positions", positions, persistent=False)
        self.embed = nn.Linear(operations, shape.width)
        self.time = nn.Sequential(
            nn.Linear(shape.width, 4 * shape.width), nn.SiLU(), nn.Linear(4 * shape.width, shape.width)
        )
        self.layers = nn.ModuleList([_Layer(shape) for _ in range(shape.layers)])
        self.norms = nn.ModuleList([nn.LayerNorm(shape.width) for _ in range(shape.layers)])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        noise = self.time(sinusoids(1000 * t, self.shape.width))[:, None]
        h = self.embed(x) * math.sqrt(self.shape.width) + self.positions + noise
        outputs = []
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = layer(h, self.joined)
            outputs.append(norm(h))
        return torch.cat(outputs, dim=-1)


class ScoreNetwork(nn.Module):
    r"""Estimates :math:`\sigma_t \nabla_x \log p_t(x \mid A)`, (b, n, k); its caller divides by the sigma.

    See :class:`GraphEncoder` for arguments and shapes.
    """

    def __init__(self, operations: int, adjacency: Tensor, shape: ScoreShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = GraphEncoder(operations, adjacency, shape)
        self.decoder = nn.Sequential(
            nn.Linear(shape.layers * shape.width, shape.decoder),
            nn.ELU(),
            nn.Linear(shape.decoder, shape.decoder),
            nn.ELU(),
            nn.Linear(shape.decoder, operations),
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        scaled: Tensor = self.decoder(self.encoder(x, t))
        return scaled


class NoisyPredictor(nn.Module):
    """A standardized quantity (b,) of a noisy graph at noise level t; its gradient in x is the guidance.

    See :class:`GraphEncoder` for arguments and shapes.
    """

    def __init__(self, operations: int, adjacency: Tensor, shape: ScoreShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoder = GraphEncoder(operations, adjacency, shape)
        self.head = nn.Sequential(
            nn.Linear(len(adjacency) * shape.layers * shape.width, 64), nn.ELU(), nn.Linear(64, 1)
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        value: Tensor = self.head(self.encoder(x, t).flatten(1))[:, 0]
        return value
