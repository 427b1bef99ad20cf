"""Spaces whose architectures are a chain of blocks, each chosen by itself.

A block has one or more variables. Its *kind* is the index of their joint choice, the last variable varying
fastest; what a block costs depends on its place and kind alone, since places fix the channels between them.
Notation beside that of :mod:`spaces.space`: n blocks, k kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from spaces.mixed_radix import all_codes
from spaces.space import Bools, Codes, Graph, InvalidArchitecture, Slot, Space, Variable

Kinds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """One place of the chain.

    Args:
        name: of its slot.
        variables: what is chosen there.
        spellings: each kind in the canonical string.
        operations: each kind in the graph's vocabulary; kinds of several blocks may share one.
        hint: how to spell a kind, for a person.
    """

    name: str
    variables: tuple[Variable, ...]
    spellings: tuple[str, ...]
    operations: tuple[str, ...]
    hint: str


class BlockChain(Space):
    """Blocks in a chain; every combination of choices that keeps the space's rule is an architecture.

    Without a rule the space is a product of independent blocks. An architecture is its own canonical form;
    its string is the blocks' spellings, joined by ``|``. The graph is a chain: input, a node a block, output;
    each node's operation is its block's kind, one slot a node.
    """

    blocks: tuple[Block, ...]
    rule: str = ""
    """What :meth:`keeps_rule` asks for, for a person; empty where there is no rule."""

    def __init__(self) -> None:
        blocks = self.blocks
        self.variables = tuple(variable for block in blocks for variable in block.variables)
        known = dict.fromkeys(operation for block in blocks for operation in block.operations)
        self.operations = ("input", *known, "output")
        self.slots = tuple(
            Slot(block.name, len(block.spellings), node) for node, block in enumerate(blocks, start=1)
        )
        self.skeleton = np.eye(len(blocks) + 2, k=1, dtype=bool)
        self.size = prod(len(block.spellings) for block in blocks)
        self._sizes = np.array([len(variable.choices) for variable in self.variables])  # (v,)
        self._kinds = np.array([len(block.spellings) for block in blocks])  # (n,)
        self._block_of = np.repeat(np.arange(len(blocks)), [len(block.variables) for block in blocks])  # (v,)
        self._weights = np.concatenate([_weights(block.variables) for block in blocks])  # (v,)
        self._starts = np.searchsorted(self._block_of, np.arange(len(blocks)))  # (n,)
        self._operations = [
            np.array([self.operations.index(operation) for operation in block.operations]) for block in blocks
        ]
        self._lookup = [
            dict(zip(block.spellings, _joint_choices(block.variables), strict=True)) for block in blocks
        ]
        self._longest = sum(max(map(len, block.spellings)) + 1 for block in blocks) - 1

    def kinds(self, codes: Codes) -> Kinds:
        """Each block's kind (b, n) of codes (b, v)."""
        if len(self.blocks) == len(self.variables):
            return codes.astype(np.int64)
        kinds: Kinds = np.add.reduceat(codes * self._weights, self._starts, axis=1)
        return kinds

    def keeps_rule(self, codes: Codes) -> Bools:
        """Which of codes (b, v), all in range, keep the rule, (b,); a space with a rule overrides this.

        Uniform codes must keep it often: architectures are drawn by trying.
        """
        return np.ones(len(codes), dtype=bool)

    # strings
    def parse(self, text: str) -> Codes:
        """Codes (v,) of the blocks' spellings, joined by ``|``; an architecture has one spelling only."""
        if len(text) <= self._longest:
            pairs = zip(self._lookup, text.split("|"), strict=True)
            try:
                codes = np.array([code for lookup, part in pairs for code in lookup[part]], dtype=np.int8)
            except (KeyError, ValueError):  # an unknown part, or another number of parts
                pass
            else:
                if not self.keeps_rule(codes[None])[0]:
                    raise InvalidArchitecture(self.rule, hint=f"for example {self.example}")
                return codes
        raise self._refusal(text)

    def read_canonical(self, texts: Sequence[str]) -> Codes | None:
        """Codes (b, v) of canonical strings: each block's spelling is looked up, place by place."""
        parts = [text.split("|") for text in texts]
        if {len(row) for row in parts} - {len(self.blocks)}:
            return None
        codes = np.empty((len(texts), len(self.variables)), dtype=np.int8)
        for start, block, lookup, column in zip(
            self._starts, self.blocks, self._lookup, zip(*parts, strict=True), strict=True
        ):
            try:
                codes[:, start : start + len(block.variables)] = [lookup[part] for part in column]
            except KeyError:
                return None
        return codes if self.keeps_rule(codes).all() else None

    def _refusal(self, text: str) -> InvalidArchitecture:
        """What is wrong with a string that is not an architecture of the space."""
        if len(text) > self._longest:
            return InvalidArchitecture(
                f"the string has {len(text)} characters, more than any architecture",
                position=self._longest,
                hint=f"for example {self.example}",
            )
        position = 0
        for index, part in enumerate(text.split("|")):
            if index == len(self.blocks):
                return InvalidArchitecture(
                    f"the architecture ends at position {position - 1}, but text follows",
                    position=position - 1,
                    hint=f"{len(self.blocks)} blocks, for example {self.example}",
                )
            if part not in self._lookup[index]:
                return InvalidArchitecture(
                    f"no choice of {self.blocks[index].name} at position {position}",
                    position=position,
                    hint=self.blocks[index].hint,
                )
            position += len(part) + 1
        return InvalidArchitecture(
            f"the string ends after {index + 1} of {len(self.blocks)} blocks",
            position=len(text),
            hint=f"for example {self.example}",
        )

    def format(self, codes: Codes) -> list[str]:
        """Strings of codes (b, v)."""
        spellings = [block.spellings for block in self.blocks]
        return [
            "|".join([choices[kind] for choices, kind in zip(spellings, row, strict=True)])
            for row in self.kinds(codes).tolist()
        ]

    def reason(self, codes: Codes) -> str | None:
        """Codes out of range and those that break the rule are not an architecture of the space."""
        if codes.shape != self._sizes.shape:
            return f"an architecture has {len(self._sizes)} codes, not shape {codes.shape}"
        wrong = np.flatnonzero((codes < 0) | (codes >= self._sizes))
        if len(wrong):
            variable = self.variables[wrong[0]]
            return f"the code of {variable.name} lies in 0..{len(variable.choices) - 1}"
        return None if self.keeps_rule(codes[None])[0] else self.rule

    def canonical(self, codes: Codes) -> Codes:
        """The codes themselves: an architecture has one spelling."""
        return codes.copy()

    # architectures
    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        """Architectures drawn uniformly, (count, v)."""
        drawn = self._draw(count, rng)
        while len(drawn) < count:
            drawn = np.concatenate([drawn, self._draw(count - len(drawn), rng)])
        return drawn

    def _draw(self, count: int, rng: np.random.Generator) -> Codes:
        """Those of ``count`` uniform codes that keep the rule."""
        codes = rng.integers(0, self._sizes, size=(count, len(self._sizes)), dtype=np.int8)
        return codes[self.keeps_rule(codes)]

    def neighbours(self, codes: Codes) -> Codes:
        """The architectures that differ in one variable, (m, v)."""
        variables = np.repeat(np.arange(len(self._sizes)), self._sizes - 1)
        steps = np.concatenate([np.arange(1, size) for size in self._sizes])
        result = np.tile(codes, (len(variables), 1))
        result[np.arange(len(variables)), variables] = (codes[variables] + steps) % self._sizes[variables]
        return result[self.keeps_rule(result)]

    # graph
    def graph(self, codes: Codes) -> Graph:
        """The chain: input, a node a block, output."""
        operations = np.empty((len(codes), len(self.blocks) + 2), dtype=np.int64)
        operations[:, 0] = 0
        for index, kinds in enumerate(self.kinds(codes).T):
            operations[:, index + 1] = self._operations[index][kinds]
        operations[:, -1] = len(self.operations) - 1
        return Graph(operations, np.broadcast_to(self.skeleton, (len(codes), *self.skeleton.shape)))

    def slot_operations(self, slot: Slot) -> NDArray[np.int64]:
        """The graph's operation for each kind of the slot's block."""
        return self._operations[slot.node - 1].copy()

    def isomorphism_key(self, codes: Codes) -> str:
        """The canonical string: no two architectures compute the same function."""
        return self.format(codes[None])[0]

    def slot_values(self, codes: Codes) -> Codes:
        """Each block's kind."""
        return self.kinds(codes).astype(np.int8)

    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        """Every filling of the slots that keeps the rule is an architecture."""
        valid: Bools = np.all((values >= 0) & (values < self._kinds), axis=1)
        codes = (values[:, self._block_of] // self._weights % self._sizes).astype(np.int8)
        valid &= self.keeps_rule(codes)
        return np.where(valid[:, None], codes, self.parse(self.example)).astype(np.int8), valid


def _joint_choices(variables: Sequence[Variable]) -> list[list[int]]:
    """The codes of each kind, (k, number of variables)."""
    codes: list[list[int]] = all_codes(variables).tolist()
    return codes


def _weights(variables: Sequence[Variable]) -> NDArray[np.int64]:
    """What one step of each variable adds to the kind."""
    sizes = [len(variable.choices) for variable in variables]
    return np.array([prod(sizes[index + 1 :]) for index in range(len(sizes))])
