"""A trained arch2vec encoder: architectures to vectors and back; its file, and the ones that ship.

Loading one loads torch; importing this module does too.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

import artifacts
from encoders.arch2vec.model import Arch2Vec, Shape, as_tensors
from encoders.training_free.kind import Features
from spaces.known import get_space
from spaces.space import ENUMERABLE, Bools, Codes, Graph, Space

FORMAT = "netwright-arch2vec-1"
Pooling = Literal["mean", "sum", "nodes"]
_CHUNK = 4096
_PATTERN_SAMPLE = 20_000


class NoEncoder(ValueError):
    """No encoder ships for this space, or the file is damaged; not worth a retry, train or fetch it again."""


@dataclass(frozen=True, slots=True)
class Prior:
    """Where the latents of a space's architectures lie: normally distributed.

    Shapes:
        mean, std: (n, d) float32, of each coordinate
        factor: (n·d, n·d) float32, F with F Fᵀ the covariance of all coordinates
    """

    mean: Features
    std: Features
    factor: Features

    @classmethod
    def fit(cls, nodes: Features) -> Self:
        """The prior that has the moments of latents (b, n, d)."""
        values, axes = np.linalg.eigh(np.cov(nodes.reshape(len(nodes), -1).T.astype(np.float64)))
        factor: Features = (axes * np.sqrt(np.maximum(values, 0))).astype(np.float32)
        return cls(nodes.mean(axis=0), nodes.std(axis=0), factor)

    def sample(self, count: int, *, seed: int, correlated: bool = False) -> Features:
        """Latents (count, n, d).

        Args:
            count: how many.
            seed: of the standard normal numbers.
            correlated: whether coordinates go together as they do among architectures; otherwise each is
            scaled by
                its own standard deviation alone, as Yan et al. do.
        """
        noise = np.random.default_rng(seed).standard_normal((count, *self.mean.shape)).astype(np.float32)
        if correlated:
            noise = (noise.reshape(count, -1) @ self.factor.T).reshape(noise.shape)
        else:
            noise = noise * self.std
        latents: Features = self.mean + noise
        return latents


@dataclass(frozen=True, slots=True)
class Encoder:
    """A trained autoencoder of a space.

    Args:
        space: whose architectures it encodes.
        model: the weights, in evaluation mode.
        prior: fitted to the latents of the training architectures.
        digest: of its file; empty before it is saved.
    """

    space: Space
    model: Arch2Vec
    prior: Prior
    digest: str = ""

    def nodes(self, codes: Codes) -> Features:
        """Latents (b, n, d) of the nodes of canonical codes (b, v), in the order of ``Space.graph``."""
        return self.nodes_of(self.space.graph(codes))

    def nodes_of(self, graph: Graph) -> Features:
        """Latents (b, n, d) of the nodes of graphs, however their nodes are ordered."""
        return latents(self.model, graph)

    def embed(self, codes: Codes, pooling: Pooling = "mean") -> Features:
        """Vectors of canonical codes (b, v).

        Args:
            codes: (b, v).
            pooling: ``mean`` or ``sum`` over nodes (b, d), which no relabelling changes, or ``nodes``, all of
                them one after another (b, n·d), which keeps most information.
        """
        return pool(self.nodes(codes), pooling)

    def decode(self, latents: Features) -> tuple[Codes, Bools]:
        """Canonical codes (b, v) that latents (b, n, d) stand for, and which of them are valid (b,).

        The most likely operation of each node and every edge more likely than not; nothing is taken as known,
        neither the ends' operations nor the edges that all architectures have. Rows that are not valid hold
        the example's codes.
        """
        with torch.inference_mode():
            logits = self.model.read(torch.from_numpy(latents))
            operations = logits.operations.argmax(dim=-1).numpy()
            adjacency = (logits.adjacency > 0).triu(1).numpy()
        return valid_codes(self.space, Graph(operations, adjacency))

    def sample(self, count: int, *, seed: int, correlated: bool = False) -> tuple[Codes, Bools]:
        """What latents drawn from the prior stand for; see :meth:`Prior.sample` and :meth:`decode`."""
        return self.decode(self.prior.sample(count, seed=seed, correlated=correlated))


def embed(space: Space, codes: Codes, pooling: Pooling = "mean") -> Features:
    """Vectors of canonical codes (b, v) by the encoder that ships; see :meth:`Encoder.embed`.

    Raises:
        NoEncoder: where none ships or the file is damaged.

    >>> space = get_space("nasbench201")
    >>> embed(space, space.enumerate()[:2]).shape
    (2, 16)
    """
    return load_encoder(space.name).embed(codes, pooling)


def latents(model: Arch2Vec, graph: Graph) -> Features:
    """Latents (b, n, d) of graphs, in chunks that bound the memory."""
    found: Features = np.empty((*graph.operations.shape, model.shape.latent), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(found), _CHUNK):
            rows = slice(start, start + _CHUNK)
            part = Graph(graph.operations[rows], graph.adjacency[rows])
            found[rows] = model.latents(*as_tensors(part)).numpy()
    return found


def pool(nodes: Features, pooling: Pooling) -> Features:
    """Vectors of graphs, (b, d) or (b, n·d), from those of their nodes (b, n, d).

    Raises:
        ValueError: for an unknown pooling.
    """
    if pooling == "nodes":
        return nodes.reshape(len(nodes), -1)
    if pooling not in ("mean", "sum"):
        raise ValueError(f"pooling is mean, sum or nodes, not {pooling!r}")
    pooled: Features = nodes.mean(axis=1) if pooling == "mean" else nodes.sum(axis=1)
    return pooled


def valid_codes(space: Space, graph: Graph) -> tuple[Codes, Bools]:
    """Canonical codes (b, v) of graphs, valid or not, and which of them are architectures of the space (b,).

    A graph is valid if the nodes that are no slot have their fixed operation, the slots hold what they admit
    and make an architecture together, and the whole adjacency is that of some architecture.
    """
    example = space.graph(space.parse(space.example)[None])
    chosen = [slot.node for slot in space.slots if slot.source is None]
    fixed = np.setdiff1d(np.arange(graph.operations.shape[1]), chosen)
    valid: Bools = np.all(graph.operations[:, fixed] == example.operations[:, fixed], axis=1)
    values = np.zeros((len(graph.operations), len(space.slots)), dtype=np.int8)
    for index, slot in enumerate(space.slots):
        if slot.source is not None:
            values[:, index] = graph.adjacency[:, slot.source, slot.node]
            continue
        matches = graph.operations[:, slot.node, None] == space.slot_operations(slot)  # (b, k)
        valid &= matches.any(axis=1)
        values[:, index] = matches.argmax(axis=1)
    patterns = _patterns(space)
    valid &= np.array([row.tobytes() in patterns for row in np.packbits(_flat(graph), axis=1)], dtype=bool)
    codes, filled = space.from_slots(values)
    valid &= filled
    codes[~valid] = space.parse(space.example)
    return codes, valid


@lru_cache(maxsize=16)
def _patterns(space: Space) -> frozenset[bytes]:
    """The adjacencies of all architectures, or of a sample where they cannot be enumerated."""
    small = space.size <= ENUMERABLE
    codes = space.enumerate() if small else space.sample(_PATTERN_SAMPLE, np.random.default_rng(0))
    packed = np.unique(np.packbits(_flat(space.graph(codes)), axis=1), axis=0)
    return frozenset(row.tobytes() for row in packed)


def _flat(graph: Graph) -> Bools:
    return graph.adjacency.reshape(len(graph.adjacency), -1)


# files
def save_encoder(encoder: Encoder, path: Path) -> str:
    """Writes weights and what is needed to rebuild the model; returns the file's digest."""
    about = {
        "format": FORMAT,
        "space": encoder.space.name,
        "operations": encoder.space.operations,
        "shape": asdict(encoder.model.shape),
    }
    tensors = {
        f"model.{_stored(name)}": tensor.contiguous() for name, tensor in encoder.model.state_dict().items()
    }
    for part in fields(Prior):
        tensors[f"prior.{_stored(part.name)}"] = torch.from_numpy(getattr(encoder.prior, part.name))
    path.parent.mkdir(parents=True, exist_ok=True)
    # One entry: the library writes several in an order of its own, and the digest would change.
    save_file(tensors, path, {"about": json.dumps(about)})
    return _digest(path)


def read_encoder(path: Path, space: Space) -> Encoder:
    """The encoder that :func:`save_encoder` wrote.

    Raises:
        NoEncoder: for a missing or damaged file, another space's, or one with another vocabulary.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["about"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        expected = (FORMAT, space.name, list(space.operations))
        if (about["format"], about["space"], about["operations"]) != expected:
            raise NoEncoder(f"{path.name} holds no {FORMAT} encoder of {space.name}")
        model = Arch2Vec(len(space.operations), Shape(**about["shape"]))
        model.load_state_dict({name: tensors[f"model.{_stored(name)}"] for name in model.state_dict()})
        prior = Prior(*(tensors[f"prior.{_stored(part.name)}"].numpy() for part in fields(Prior)))
    except (SafetensorError, KeyError, TypeError, RuntimeError, json.JSONDecodeError, OSError) as error:
        raise NoEncoder(f"{path.name} cannot be read: {error}") from error
    return Encoder(space, model.eval(), prior, _digest(path))


def _stored(name: str) -> str:
    """What format 1 calls a tensor: its standard deviations are stored as ``deviation``."""
    return re.sub(r"(?<![a-z])std(?![a-z])", "deviation", name)


def _digest(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def shipped_path(space_name: str) -> Path:
    """Where the shipped encoder of a space lies."""
    return artifacts.ROOT / "encoders" / f"{space_name}.safetensors"


@lru_cache(maxsize=16)
def load_encoder(space_name: str) -> Encoder:
    """The shipped encoder of a space, loaded once a process.

    Raises:
        NoEncoder: where none ships or the file is damaged.
    """
    return read_encoder(shipped_path(space_name), get_space(space_name))
