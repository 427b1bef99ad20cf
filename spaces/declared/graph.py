"""The graph of a declared space: a node for each variable, in a chain or along declared edges.

An edge is written as a path, ``"input -> stem -> branch[*] -> output"``. A repeated variable's plain name is
its entries one after the other, ``name[*]`` all of them side by side, ``name[2]`` one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spaces.declared.declaration import DeclaredVariable
from spaces.space import Bools

INPUT, OUTPUT = "input", "output"
_STEP = re.compile(r"([A-Za-z][A-Za-z0-9_]{0,39})\s*(?:\[\s*(\*|[0-9]{1,3})\s*\])?")
MAX_EDGES = 2_000


class BadEdges(ValueError):
    """The edges make no graph from input to output.

    Args:
        message: what is wrong.
        index: of the path that is wrong; None where it is all of them together.
    """

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


@dataclass(frozen=True, slots=True)
class Layout:
    """Nodes in topological order, input first, output last.

    Shapes:
        nodes: (v,), the node of each variable, 1..v
        skeleton: (v + 2, v + 2)
    """

    nodes: NDArray[np.int64]
    skeleton: Bools


def layout(variables: Sequence[DeclaredVariable], paths: Sequence[str]) -> Layout:
    """Where each variable's node stands; without paths all of them in a chain.

    Raises:
        BadEdges: for unknown names, a cycle, or a node that nothing leads to or from.
    """
    names = [entry for variable in variables for entry in variable.entries]
    if not paths:
        count = len(names)
        return Layout(np.arange(1, count + 1), np.eye(count + 2, k=1, dtype=bool))
    places = {name: place for place, name in enumerate([INPUT, *names, OUTPUT])}
    by_name = {variable.name: variable for variable in variables}
    edges = np.zeros((len(places), len(places)), dtype=bool)
    for index, path in enumerate(paths):
        _add_path(edges, path, index, places, by_name)
    if edges.sum() > MAX_EDGES:
        raise BadEdges(f"{int(edges.sum()):,} edges, {MAX_EDGES:,} are allowed")
    for name, place in places.items():
        if place > 0 and not edges[:, place].any():
            raise BadEdges(f"nothing leads to {name}")
        if place < len(places) - 1 and not edges[place].any():
            raise BadEdges(f"{name} leads nowhere")
    order = _topological(edges, list(places))
    where = np.empty(len(order), dtype=np.int64)
    where[order] = np.arange(len(order))
    return Layout(where[1:-1], edges[np.ix_(order, order)])


def _add_path(
    edges: Bools, path: str, index: int, places: Mapping[str, int], by_name: Mapping[str, DeclaredVariable]
) -> None:
    steps = [_step(part.strip(), index, places, by_name) for part in path.split("->")]
    if len(steps) < 2:
        raise BadEdges("a path has at least two steps: a -> b", index)
    for chain in (step for step in steps if len(step) > 1):
        for before, after in pairwise(chain):
            edges[np.ix_(before, after)] = True
    for first, second in pairwise(steps):
        edges[np.ix_(first[-1], second[0])] = True


def _step(
    text: str, index: int, places: Mapping[str, int], by_name: Mapping[str, DeclaredVariable]
) -> list[list[int]]:
    """The nodes of one step: stages one after the other, each some nodes side by side."""
    found = _STEP.fullmatch(text)
    if found is None:
        raise BadEdges(f"{text[:60]!r} is no step; write name, name[2] or name[*]", index)
    name, entry = found[1], found[2]
    variable = by_name.get(name)
    if variable is None or variable.repeat is None:
        if name not in places or entry is not None:
            raise BadEdges(f"{text[:60]!r} is no node; known are {', '.join(places)}", index)
        return [[places[name]]]
    nodes = [places[known] for known in variable.entries]
    if entry == "*":
        return [nodes]
    if entry is None:
        return [[node] for node in nodes]
    if not 1 <= int(entry) <= len(nodes):
        raise BadEdges(f"{name} has entries 1 to {len(nodes)}", index)
    return [[nodes[int(entry) - 1]]]


def _topological(edges: Bools, names: Sequence[str]) -> NDArray[np.int64]:
    """The nodes in an order that every edge follows, otherwise that of the declaration."""
    waiting = edges.sum(axis=0)
    left = np.ones(len(edges), dtype=bool)
    order = []
    for _ in range(len(edges)):
        ready = np.flatnonzero(left & (waiting == 0))
        if not len(ready):
            cycle = ", ".join(names[node] for node in np.flatnonzero(left)[:8])
            raise BadEdges(f"the edges form a cycle among {cycle}")
        node = int(ready[0])
        order.append(node)
        left[node] = False
        waiting = waiting - edges[node]
    if order[0] != 0 or order[-1] != len(edges) - 1:
        raise BadEdges(f"the graph begins with {INPUT} and ends with {OUTPUT}")
    return np.array(order)
