"""Pretrained networks: reading and evaluating them without torch; see :mod:`encoders.pretrained.train`.

Notation: m networks, w hidden width, d length of an embedding; others as in :mod:`spaces.space`.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

import artifacts
from encoders.safetensors_about import about_of
from encoders.training_free.kind import Features
from encoders.training_free.sequences import is_chain
from spaces.known import get_space
from spaces.space import Codes, Graph, Space

FORMAT = "netwright-pretrained-1"
_CHUNK = 1024
"""Architectures at a time: their hidden values stay in the processor's cache."""
_CHAINS = 256
"""Chains at a time: they need more of it."""
_PARTS = ("self_on", "weight_on", "bias_on", "self_back", "weight_back", "bias_back", "weight", "bias")


class NoPretrained(ValueError):
    """No pretrained networks ship for this space, or the file is damaged; not worth a retry."""


@dataclass(frozen=True, slots=True)
class Network:
    """One graph isomorphism network.

    Shapes:
        layers: of each its arrays, named ``_PARTS``: the weight of a node's own vector () and the first
            linear map (w, w), (w,) along the edges; the same against them; then the second map of both,
            (2w, w), (w,)
        weight, bias: (2w, d), (d,), of the embedding
    """

    layers: tuple[tuple[Features, ...], ...]
    weight: Features
    bias: Features

    def read(self, h: Features) -> Features:
        """Embeddings (b, d) of the last layer's node vectors (b, n, w)."""
        pooled = np.concatenate([h.mean(axis=1), h[:, -1]], axis=1)
        found: Features = pooled @ self.weight + self.bias
        return found


@dataclass(frozen=True, slots=True)
class Pretrained:
    """The ensemble of a space."""

    space: Space
    networks: tuple[Network, ...]

    def embed(self, codes: Codes) -> Features:
        """Embeddings (b, m, d) of canonical codes (b, v)."""
        graph = self.space.graph(codes)
        return self._embed_chains(graph.operations) if is_chain(self.space) else self.embed_graphs(graph)

    def embed_graphs(self, graph: Graph) -> Features:
        """Embeddings (b, m, d) of graphs; relabelled nodes change nothing if the last stays last."""
        width = len(self.networks[0].bias)
        found: Features = np.empty((len(graph.operations), len(self.networks), width), dtype=np.float32)
        for start in range(0, len(found), _CHUNK):
            rows = slice(start, start + _CHUNK)
            hidden = self._hidden(graph.operations[rows], graph.adjacency[rows].astype(np.float32))
            for member, network in enumerate(self.networks):
                found[rows, member] = network.read(hidden[member])
        return found

    def _embed_chains(self, operations: NDArray[np.int64]) -> Features:
        """The same as :meth:`embed_graphs` where every node has one neighbour on either side, (b, n)."""
        found: Features = np.empty(
            (len(operations), len(self.networks), len(self.networks[0].bias)), dtype=np.float32
        )
        for start in range(0, len(found), _CHAINS):
            rows = slice(start, start + _CHAINS)
            # Node by node: neighbours are then neighbouring matrices, and a sum over them is an addition.
            nodes = np.ascontiguousarray(operations[rows].T)  # (n, b)
            for member, network in enumerate(self.networks):
                hidden = _along_chains(network.layers, nodes)
                pooled = np.concatenate([hidden.mean(axis=0), hidden[-1]], axis=1)
                found[rows, member] = pooled @ network.weight + network.bias
        return found

    def _hidden(self, operations: NDArray[np.int64], adjacency: Features) -> list[Features]:
        """The last layer's node vectors (b, n, w) of each network.

        A sum over neighbours is taken of all networks' vectors at once, after the linear map that it commutes
        with: in the first layer that map is a row of weights for each operation.
        """
        against = np.ascontiguousarray(adjacency.transpose(0, 2, 1))
        hidden: list[Features] = []
        for layers in zip(*(network.layers for network in self.networks), strict=True):
            on = self._gathered(adjacency, [layer[:3] for layer in layers], hidden, operations)
            back = self._gathered(against, [layer[3:6] for layer in layers], hidden, operations)
            hidden = [
                np.maximum(np.concatenate(both, axis=2) @ layer[6] + layer[7], 0)
                for *both, layer in zip(on, back, layers, strict=True)
            ]
        return hidden

    @staticmethod
    def _gathered(
        adjacency: Features,
        layers: list[tuple[Features, ...]],
        hidden: list[Features],
        operations: NDArray[np.int64],
    ) -> list[Features]:
        """Each network's own and neighbours' vectors, mapped and rectified, (b, n, w)."""
        if hidden:
            mapped = [h @ weight for h, (_, weight, _) in zip(hidden, layers, strict=True)]
        else:
            mapped = [weight[operations] for _, weight, _ in layers]
        sums = np.split(adjacency @ np.concatenate(mapped, axis=2), len(layers), axis=2)
        return [
            np.maximum(total + own * x + bias, 0)
            for total, x, (own, _, bias) in zip(sums, mapped, layers, strict=True)
        ]

    def arrays(self) -> dict[str, Features]:
        """Every weight by its name."""
        named: dict[str, Features] = {}
        for member, network in enumerate(self.networks):
            for depth, layer in enumerate(network.layers):
                named |= {f"{member}.{depth}.{part}": x for part, x in zip(_PARTS, layer, strict=True)}
            named |= {f"{member}.weight": network.weight, f"{member}.bias": network.bias}
        return named

    def digest(self) -> str:
        """``sha256:`` of the names, shapes and weights."""
        found = hashlib.sha256(f"{FORMAT} {self.space.name}".encode())
        for name, array in sorted(self.arrays().items()):
            found.update(f"{name} {array.shape}".encode())
            found.update(np.ascontiguousarray(array, dtype="<f4").tobytes())
        return f"sha256:{found.hexdigest()}"


def _along_chains(layers: tuple[tuple[Features, ...], ...], operations: NDArray[np.int64]) -> Features:
    """The last layer's node vectors (n, b, w) of one network on chains of operations (n, b)."""
    nodes, batch = operations.shape
    hidden: Features | None = None
    for own_on, weight_on, bias_on, own_back, weight_back, bias_back, weight, bias in layers:
        width = len(bias)
        both = np.concatenate([weight_on, weight_back], axis=1)
        mapped = both[operations] if hidden is None else (hidden.reshape(-1, width) @ both)
        mapped = mapped.reshape(nodes, batch, 2 * width)
        own = np.repeat(np.array([own_on, own_back], dtype=np.float32), width)
        total = mapped * own
        total += np.concatenate([bias_on, bias_back])
        total[:-1, :, :width] += mapped[1:, :, :width]
        total[1:, :, width:] += mapped[:-1, :, width:]
        np.maximum(total, 0, out=total)
        hidden = total.reshape(-1, 2 * width) @ weight
        hidden += bias
        np.maximum(hidden, 0, out=hidden)
        hidden = hidden.reshape(nodes, batch, width)
    assert hidden is not None
    return hidden


# files
def save_pretrained(ensemble: Pretrained, path: Path) -> str:
    """Writes an ensemble; returns its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pretrained_bytes(ensemble))
    return ensemble.digest()


def pretrained_bytes(ensemble: Pretrained) -> bytes:
    """An ensemble as safetensors."""
    about = {
        "format": FORMAT,
        "space": ensemble.space.name,
        "operations": ensemble.space.operations,
        "networks": len(ensemble.networks),
        "depth": len(ensemble.networks[0].layers),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in ensemble.arrays().items()}
    # One entry: the library writes several in an order of its own, and the digest would change.
    return save(arrays, {"about": json.dumps(about)})


def pretrained_of(data: bytes, space: Space) -> Pretrained:
    """The ensemble that :func:`pretrained_bytes` wrote.

    Raises:
        NoPretrained: for damaged bytes, another space's, or ones with another vocabulary.
    """
    try:
        arrays, about = load(data), about_of(data)
        expected = (FORMAT, space.name, list(space.operations))
        if (about["format"], about["space"], about["operations"]) != expected:
            raise NoPretrained(f"the bytes hold no {FORMAT} networks of {space.name}")
        networks = tuple(
            Network(
                tuple(
                    tuple(arrays[f"{member}.{depth}.{part}"] for part in _PARTS)
                    for depth in range(about["depth"])
                ),
                arrays[f"{member}.weight"],
                arrays[f"{member}.bias"],
            )
            for member in range(about["networks"])
        )
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, NoPretrained):
            raise
        raise NoPretrained(f"the bytes are no pretrained networks: {error}") from error
    return Pretrained(space, networks)


def read_pretrained(path: Path, space: Space) -> Pretrained:
    """The ensemble that :func:`save_pretrained` wrote.

    Raises:
        NoPretrained: for a missing or damaged file, another space's, or one with another vocabulary.
    """
    try:
        return pretrained_of(path.read_bytes(), space)
    except OSError as error:
        raise NoPretrained(f"{path.name} cannot be read: {error.strerror}") from error


def shipped_path(space_name: str) -> Path:
    """Where the shipped networks of a space lie."""
    return artifacts.ROOT / "pretrained" / f"{space_name}.safetensors"


def ships(space_name: str) -> bool:
    """Whether pretrained networks of a space ship."""
    return shipped_path(space_name).is_file()


@lru_cache(maxsize=16)
def load_pretrained(space_name: str) -> Pretrained:
    """The shipped networks of a space, loaded once a process.

    Raises:
        NoPretrained: where none ship or the file is damaged.
    """
    return read_pretrained(shipped_path(space_name), get_space(space_name))
