r"""Pretraining on what costs no label (FBNetV3, Dai et al., CVPR 2021): a graph network learns a space's
exact statistics, counts and zero-cost proxies; its embedding of an architecture then serves predictors.

.. math:: h^0 = \mathrm{onehot}(X), \quad h^{l+1} = \mathrm{GIN}_l(h^l, A, A^\top),
          e = W\,[\mathrm{mean}_n h^L,\; h^L_{\mathrm{last}}] + c,
          \quad \hat t = V e + d

The ensemble is several small networks, trained alike from different initial weights. Training needs torch;
the predictions of :mod:`encoders.pretrained.networks` do not.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, smooth_l1_loss

from encoders.arch2vec.model import IsomorphismLayer, as_tensors
from encoders.features import features
from encoders.pretrained.networks import Network, Pretrained, save_pretrained
from encoders.proxies import table as score_table
from encoders.threads import fixed_threads
from encoders.training_free.kind import Features
from spaces.known import get_space
from spaces.space import ENUMERABLE, Codes, Space

Progress = Callable[[int, int, str], None]
"""Called with done, total and a message."""

SPACES = ("gnn", "mnasnet", "nasbench201")
"""Spaces whose networks ship: those with predictors that use them."""
LIMIT = 4.0
"""Standardized targets are cut at this absolute value."""


@dataclass(frozen=True, slots=True)
class PretrainingOptions:
    """Sizes and length.

    Args:
        members: networks of the ensemble.
        width: of the hidden layers.
        depth: graph isomorphism layers.
        embedding: length of e.
        steps: optimizer steps of each network.
        batch: architectures a step.
        learning_rate: peak learning rate of AdamW under a one-cycle schedule.
        architectures: how many are drawn where the space is too large to enumerate; otherwise all are taken.
        held_out: share of them that is held out.
    """

    members: int = 4
    width: int = 32
    depth: int = 4
    embedding: int = 32
    steps: int = 1000
    batch: int = 256
    learning_rate: float = 3e-3
    architectures: int = 30_000
    held_out: float = 0.1


class PretrainedNetwork(nn.Module):
    """One network of the ensemble.

    Shapes:
        forward: operations (b, n) int64, adjacency (b, n, n) → targets (b, t)
    """

    def __init__(self, vocabulary: int, targets: int, options: PretrainingOptions) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        widths = [vocabulary] + [options.width] * options.depth
        self.layers = nn.ModuleList(IsomorphismLayer(*pair) for pair in pairwise(widths))
        self.embedding = nn.Linear(2 * options.width, options.embedding)
        self.targets = nn.Linear(options.embedding, targets)

    def embed(self, operations: Tensor, adjacency: Tensor) -> Tensor:
        """Embeddings (b, d)."""
        h = one_hot(operations, self.vocabulary).to(adjacency.dtype)
        for layer in self.layers:
            h = layer(h, adjacency)
        found: Tensor = self.embedding(torch.cat([h.mean(dim=1), h[:, -1]], dim=1))
        return found

    def forward(self, operations: Tensor, adjacency: Tensor) -> Tensor:
        """Predicted targets (b, t)."""
        found: Tensor = self.targets(self.embed(operations, adjacency))
        return found

    def frozen(self) -> Network:
        """The same without torch and without the targets; batch norm is part of the weights."""
        layers = []
        for layer in self.layers:
            assert isinstance(layer, IsomorphismLayer)
            norm = layer.norm
            assert norm.running_var is not None and norm.running_mean is not None
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            (first, _, second), (third, _, fourth) = layer.onward.nn, layer.backward_.nn
            offset = (second.bias + fourth.bias - norm.running_mean) * scale + norm.bias
            layers.append(
                (
                    *(1 + layer.onward.eps, first.weight.T, first.bias),
                    *(1 + layer.backward_.eps, third.weight.T, third.bias),
                    torch.cat([second.weight.T, fourth.weight.T]) * scale,
                    offset,
                )
            )
        arrays = [tuple(part.detach().numpy().astype(np.float32) for part in layer) for layer in layers]
        weight, bias = self.embedding.weight.T, self.embedding.bias
        return Network(tuple(arrays), weight.detach().numpy().copy(), bias.detach().numpy().copy())


def architectures(space: Space, options: PretrainingOptions, *, seed: int) -> tuple[Codes, Codes]:
    """Distinct architectures to train on and held-out ones, (·, v) each."""
    rng = np.random.default_rng(seed)
    if space.size <= ENUMERABLE:
        codes = space.enumerate()
    else:
        codes = np.unique(space.sample(options.architectures, rng), axis=0)
    codes = codes[rng.permutation(len(codes))]
    count = round(options.held_out * len(codes))
    return codes[count:], codes[:count]


def free_targets(space: Space, codes: Codes) -> Features:
    """What costs no label, (b, t): exact statistics, counts, structure, scores where they ship.

    Where statistics depend on the task, those of the space's first.
    """
    kinds = ["ordinal", "counts", "live", "structure", "statistics"]
    if space.zero_operations and not space.task_dependent_cost:
        kinds.append("reduced")
    if score_table.ships(space.name):
        kinds.append("scores")
    task = space.tasks[0] if space.task_dependent_cost else None
    return features(space, codes, task, kinds)


@fixed_threads()
def train_network(
    space: Space,
    codes: Codes,
    targets: Features,
    options: PretrainingOptions,
    *,
    seed: int,
    progress: Progress = lambda done, total, message: None,
) -> PretrainedNetwork:
    """One network that has learned targets (b, t) of codes (b, v); in evaluation mode.

    Args:
        space: what the codes mean.
        codes: (b, v).
        targets: (b, t), standardized here and cut at :data:`LIMIT` standard deviations; those that do not
        vary teach
            nothing.
        options: sizes and length.
        seed: of weights and batches.
        progress: called with done, total and a message.
    """
    operations, adjacency = as_tensors(space.graph(codes))
    std = targets.std(axis=0)
    varying = std > 1e-6
    standard = (targets[:, varying] - targets[:, varying].mean(axis=0)) / std[varying]
    truth = torch.from_numpy(np.clip(standard, -LIMIT, LIMIT).astype(np.float32))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PretrainedNetwork(len(space.operations), truth.shape[1], options)
        optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, options.learning_rate, total_steps=options.steps
        )
        for step in range(1, options.steps + 1):
            rows = torch.randint(len(codes), (options.batch,))
            loss = smooth_l1_loss(network(operations[rows], adjacency[rows]), truth[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if step % 100 == 0 or step == options.steps:
                progress(step, options.steps, f"loss {loss.item():.4f}")
    return network.eval()


def pretrain(
    space: Space,
    *,
    seed: int = 0,
    options: PretrainingOptions | None = None,
    progress: Progress = lambda done, total, message: None,
) -> tuple[Pretrained, list[PretrainedNetwork]]:
    """The ensemble of a space: without torch, and with its targets.

    Args:
        space: any space with graphs.
        seed: of the split, the weights and the batches.
        options: sizes and length.
        progress: called with done, total and a message.
    """
    options = options or PretrainingOptions()
    codes, _ = architectures(space, options, seed=seed)
    targets, networks = free_targets(space, codes), []
    for member in range(options.members):

        def shown(done: int, total: int, message: str, before: int = member) -> None:
            progress(before * total + done, options.members * total, message)

        own = seed * options.members + member
        networks.append(train_network(space, codes, targets, options, seed=own, progress=shown))
    return Pretrained(space, tuple(network.frozen() for network in networks)), networks


def pretrain_on(
    space: Space,
    codes: Codes,
    targets: Features,
    *,
    seed: int = 0,
    options: PretrainingOptions | None = None,
    progress: Progress = lambda done, total, message: None,
) -> Pretrained:
    """Networks that learned what was measured of codes (b, v) on other tasks, (b, t).

    Args:
        space: any space with graphs.
        codes: (b, v).
        targets: (b, t), finite; a column each task.
        seed: of the weights and the batches.
        options: sizes and length.
        progress: called with done, total and a message.
    """
    options = options or PretrainingOptions()
    trained = [
        train_network(space, codes, targets, options, seed=seed * options.members + member, progress=progress)
        for member in range(options.members)
    ]
    return Pretrained(space, tuple(network.frozen() for network in trained))


def ship_pretrained(
    space_name: str,
    folder: Path,
    *,
    seed: int = 0,
    options: PretrainingOptions | None = None,
    progress: Progress = lambda done, total, message: None,
) -> dict[str, object]:
    """Trains, then writes ``<space>.safetensors`` and its card ``<space>.md``; returns what the card says."""
    space, began = get_space(space_name), time.perf_counter()
    options = options or PretrainingOptions()
    ensemble, networks = pretrain(space, seed=seed, options=options, progress=progress)
    seconds = time.perf_counter() - began
    codes, held_out = architectures(space, options, seed=seed)
    path = folder / f"{space_name}.safetensors"
    digest = save_pretrained(ensemble, path)
    card: dict[str, object] = {
        "space": space_name,
        "architectures": len(codes),
        "held_out": len(held_out),
        "options": asdict(options),
        "seed": seed,
        "seconds": round(seconds, 1),
        "targets": int((free_targets(space, codes).std(axis=0) > 1e-6).sum()),
        "explained_percent": round(100 * explained(space, networks[0], codes, held_out), 1),
        "digest": digest,
        "file": "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    (folder / f"{space_name}.md").write_text(_card(space_name, card), encoding="utf-8")
    return card


def explained(space: Space, network: PretrainedNetwork, codes: Codes, held_out: Codes) -> float:
    """Explained share of the targets' variance on ``held_out``, the median over targets.

    Args:
        space: what the codes mean.
        network: trained on ``codes``.
        codes: (b, v), whose targets set the standard.
        held_out: (m, v).
    """
    known, truth = free_targets(space, codes), free_targets(space, held_out)
    std = known.std(axis=0)
    varying = std > 1e-6
    standard = (truth[:, varying] - known[:, varying].mean(axis=0)) / std[varying]
    standard = np.clip(standard, -LIMIT, LIMIT)
    with torch.inference_mode():
        found = network(*as_tensors(space.graph(held_out))).numpy()
    spread = np.maximum(standard.var(axis=0), 1e-6)
    return float(np.median(1 - ((found - standard) ** 2).mean(axis=0) / spread))


def _card(space: str, card: dict[str, object]) -> str:
    lines = "\n".join(f"| {name} | {value} |" for name, value in card.items())
    return f"""# Pretrained networks of `{space}`

Graph isomorphism networks that learned what costs no label (`encoders/pretrained/train.py`, after FBNetV3,
Dai et al., CVPR 2021): exact statistics, counts, structure and, where they ship, zero-cost proxies of the
space's architectures. Their embeddings are features of the predictors `gp`, `gbdt`, `neural` and `auto`.

- **Data**: the space's architectures as graphs and what follows from them; no benchmark table.
- **Command**: `netwright train pretrained {space}`
- **Digest**: `{card["file"]}`

`explained_percent` is the share of variance explained on held-out architectures, the median over the targets.
`digest` is of the arrays alone; it stands in the names of the features that they give.

| figure | value |
|---|---|
{lines}
"""
