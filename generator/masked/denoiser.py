"""The denoiser: a small graph transformer that predicts every masked slot from what is already clean.

Attention between two slots is biased by how they lie in the graph (Ying et al. 2021, "Do Transformers
Really Perform Badly for Graph Representation?", spatial and edge encoding), so that the same network serves
spaces whose edges are fixed and spaces whose edges are slots themselves.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from spaces.space import Space

# Relations of a pair of slots (a, b); their order is part of the weights' format.
NONE, FORWARD, BACKWARD, OPEN_FORWARD, OPEN_BACKWARD, SAME, SOURCE, TARGET, SOURCE_OF, TARGET_OF = range(10)
RELATIONS = 10


@dataclass(frozen=True, slots=True)
class DenoiserShape:
    """Sizes of the network; part of the weights' metadata."""

    width: int = 64
    layers: int = 3
    heads: int = 4
    feedforward: int = 128


def slot_relations(space: Space) -> tuple[Tensor, Tensor]:
    """How the space's slots lie in its graph.

    Returns:
        relations: (s, s) int64, what is fixed
        edges: (e, 3) int64; rows (edge slot, operation slot at its source, operation slot at its target) for
            the free edges whose presence decides the relation of two operation slots
    """
    slots = space.slots
    relations = torch.full((len(slots), len(slots)), NONE, dtype=torch.int64)
    free: list[tuple[int, int, int]] = []
    operations: dict[int, list[int]] = {}
    for index, slot in enumerate(slots):
        if slot.source is None:
            operations.setdefault(slot.node, []).append(index)
    for source, target in np.argwhere(space.skeleton).tolist():
        for a in operations.get(source, []):
            for b in operations.get(target, []):
                relations[a, b], relations[b, a] = FORWARD, BACKWARD
    for group in operations.values():
        for a in group:
            for b in group:
                relations[a, b] = SAME
    for index, slot in enumerate(slots):
        if slot.source is None:
            continue
        relations[index, index] = SAME
        for node, outward, inward in ((slot.source, SOURCE, SOURCE_OF), (slot.node, TARGET, TARGET_OF)):
            for operation in operations.get(node, []):
                relations[index, operation], relations[operation, index] = outward, inward
        free += [
            (index, a, b) for a in operations.get(slot.source, []) for b in operations.get(slot.node, [])
        ]
    return relations, torch.tensor(free, dtype=torch.int64).reshape(-1, 3)


def _incidence(edges: Tensor, slots: int) -> Tensor:
    """(2e, s · s): where in the flattened attention bias each free edge's two directions belong."""
    _, source, target = edges.T
    cells = torch.cat([source * slots + target, target * slots + source])
    return nn.functional.one_hot(cells, slots * slots).float()


class _Block(nn.Module):
    """Pre-norm attention with a relation bias, then a feed-forward layer."""

    def __init__(self, shape: DenoiserShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norm1 = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.bias = nn.Embedding(RELATIONS, shape.heads)
        self.out = nn.Linear(shape.width, shape.width)
        self.norm2 = nn.LayerNorm(shape.width)
        self.feedforward = nn.Sequential(
            nn.Linear(shape.width, shape.feedforward), nn.GELU(), nn.Linear(shape.feedforward, shape.width)
        )
        nn.init.zeros_(self.bias.weight)

    def forward(self, h: Tensor, relations: Tensor, states: Tensor, incidence: Tensor) -> Tensor:
        b, s, d = h.shape
        q, k, v = self.qkv(self.norm1(h)).view(b, s, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        bias = self.bias(relations).movedim(-1, 0).expand(b, -1, -1, -1)  # (b, heads, s, s)
        if states.shape[1]:
            # Few pairs depend on free edges: a matrix product puts them in place, where looking up all
            # s × s pairs of every row would cost more than the attention itself.
            bias = bias + (self.bias(states).transpose(1, 2) @ incidence).view(b, self.heads, s, s)
        attended = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        h = h + self.out(attended.transpose(1, 2).reshape(b, s, d))
        return h + self.feedforward(self.norm2(h))  # type: ignore[no-any-return]


class Denoiser(nn.Module):
    r"""Predicts the clean graph from a partly masked one: :math:`p_\theta(x_0 \mid x_t, c)`.

    The distribution factorizes over slots. The noise level is not an input: how many slots are masked says
    it all (Ou et al. 2024, "Your Absorbing Discrete Diffusion Secretly Models the Conditional Distributions
    of Clean Data").

    Args:
        space: gives the slots and the graph they lie in.
        conditions: number m of statistics it may be conditioned on.
        shape: sizes of the network.

    Shapes:
        x: (b, s) int64, values 0..k_i, where k_i = the slot's vocabulary size means masked
        c: (b, m) float32, standardized; NaN where a statistic is not asked for
        returns: (b, s, k) log probabilities, −inf beyond a slot's own vocabulary
    """

    relations: Tensor
    edges: Tensor
    incidence: Tensor
    sizes: Tensor
    admitted: Tensor

    def __init__(self, space: Space, conditions: int, shape: DenoiserShape) -> None:
        super().__init__()
        self.shape = shape
        relations, edges = slot_relations(space)
        sizes = torch.tensor([slot.size for slot in space.slots])
        self.vocabulary = int(sizes.max())
        self.register_buffer("relations", relations, persistent=False)
        self.register_buffer("edges", edges, persistent=False)
        self.register_buffer("incidence", _incidence(edges, len(space.slots)), persistent=False)
        self.register_buffer("sizes", sizes, persistent=False)
        self.register_buffer("admitted", torch.arange(self.vocabulary) < sizes[:, None], persistent=False)
        self.values = nn.Embedding(len(space.slots) * (self.vocabulary + 1), shape.width)
        self.condition = nn.Sequential(
            nn.Linear(2 * conditions, shape.width), nn.GELU(), nn.Linear(shape.width, shape.width)
        )
        self.blocks = nn.ModuleList([_Block(shape) for _ in range(shape.layers)])
        self.norm = nn.LayerNorm(shape.width)
        self.heads = nn.Parameter(torch.zeros(len(space.slots), shape.width, self.vocabulary))
        self.heads_bias = nn.Parameter(torch.zeros(len(space.slots), self.vocabulary))
        nn.init.normal_(self.heads, std=0.02)

    def edge_states(self, x: Tensor) -> Tensor:
        """Relations (b, 2e) of the operation slots at the free edges' ends: first forwards, then back."""
        edge = self.edges[:, 0]
        state = x[:, edge]
        present, masked = (state == 1).long(), (state == self.sizes[edge]).long()
        forward = present * FORWARD + masked * OPEN_FORWARD
        return torch.cat([forward, present * BACKWARD + masked * OPEN_BACKWARD], dim=1)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        asked = ~c.isnan()
        h = self.values(x + torch.arange(x.shape[1], device=x.device) * (self.vocabulary + 1))
        h = h + self.condition(torch.cat([c.nan_to_num(0.0), asked.to(c.dtype)], dim=-1))[:, None]
        states = self.edge_states(x)
        for block in self.blocks:
            h = block(h, self.relations, states, self.incidence)
        logits = torch.einsum("bsd,sdk->bsk", self.norm(h), self.heads) + self.heads_bias
        return logits.masked_fill(~self.admitted, -torch.inf).log_softmax(-1)
