"""Drawing of a space's own graph, layer by layer, where there is no network to draw."""

import zlib
from collections.abc import Sequence

import numpy as np

from networks.export.chain_drawing import Head
from networks.export.svg import (
    CONVOLUTION,
    EXCITED,
    GROUPED,
    PASSED,
    PLAIN,
    POOLING,
    RESIDUAL,
    Family,
    box,
    page,
    path,
    text,
)
from spaces.space import Bools, Codes, Space

_COLUMN, _ROW, _WIDE, _TALL = 190.0, 74.0, 130.0, 42.0
_MOST_COLUMNS = 8
_Place = tuple[float, float]
_COLOURS = (CONVOLUTION, RESIDUAL, EXCITED, GROUPED, POOLING)


def draw_graph(space: Space, codes: Codes, head: Head) -> str:
    """The SVG file of codes (v,): nodes by their longest path from the input."""
    graph = space.graph(codes[None])
    adjacency = graph.adjacency[0]
    names = [space.operations[index] for index in graph.operations[0].tolist()]
    places = _places(adjacency)
    columns = max(column for column, _ in places) + 1
    rows = max(row for _, row in places) + 1
    width = max(640.0, 56 + (columns - 1) * _COLUMN + _WIDE)
    top, y = head(width)
    parts = [top]
    middles = [(28 + column * _COLUMN, y + 10 + row * _ROW + _TALL / 2) for column, row in places]
    for source, target in np.argwhere(adjacency).tolist():
        between = [place for place in middles if middles[source][0] < place[0] < middles[target][0]]
        parts.append(_edge(middles[source], middles[target], between))
    for (x, middle), name in zip(middles, names, strict=True):
        parts.append(box(x, middle - _TALL / 2, _WIDE, _TALL, _family(space, name), radius=10))
        size = 13.5 if len(name) < 14 else max(7.5, 13.5 * 14 / len(name))
        parts.append(text(x + _WIDE / 2, middle + 4.5, name, anchor="middle", size=size, bold=True))
    return page(width, y + 10 + rows * _ROW + 20, space.title, "".join(parts))


def _family(space: Space, name: str) -> Family:
    """An operation's colours: the same in every drawing."""
    if name in ("input", "output"):
        return PLAIN
    if name in space.identity_operations or name in space.zero_operations:
        return PASSED
    return _COLOURS[zlib.crc32(name.encode()) % len(_COLOURS)]


def _places(adjacency: Bools) -> list[_Place]:
    """(column, row) of each node; a long chain is folded into lines of ``_MOST_COLUMNS``."""
    depth = [0] * len(adjacency)
    for source, target in np.argwhere(adjacency).tolist():  # sources come in order
        depth[target] = max(depth[target], depth[source] + 1)
    members: dict[int, list[int]] = {}
    for node, level in enumerate(depth):
        members.setdefault(level, []).append(node)
    tallest = max(map(len, members.values()))
    places: list[_Place] = [(0.0, 0.0)] * len(adjacency)
    for level, nodes in members.items():
        line, column = divmod(level, _MOST_COLUMNS)
        for row, node in enumerate(nodes):
            offset = (tallest - len(nodes)) / 2
            places[node] = (column, line * tallest + row + offset)
    return places


def _edge(source: _Place, target: _Place, between: Sequence[_Place]) -> str:
    """An edge's line: straight on where it is free, else below all that stands between."""
    (x1, y1), (x2, y2) = (source[0] + _WIDE, source[1]), target
    if x2 <= x1:  # to the next line
        below = (y1 + y2) / 2
        start, end = source[0] + _WIDE / 2, target[0] + _WIDE / 2
        return path(f"M{start:g} {y1 + _TALL / 2:g}V{below:g}H{end:g}V{y2 - _TALL / 2 - 1.5:g}")
    if between:
        lane = y1
        if any(abs(y - lane) < _TALL for _, y in between):
            lane = max(y for _, y in between) + _TALL * 0.5 + 11
        first, last = source[0] + _COLUMN, target[0] - (_COLUMN - _WIDE)
        bend = (first - x1) * 0.5
        return path(
            f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {first - bend:g} {lane:g} {first:g} {lane:g}H{last:g}"
            f"C{last + bend:g} {lane:g} {x2 - bend:g} {y2:g} {x2 - 1.5:g} {y2:g}"
        )
    bend = (x2 - x1) * 0.5
    return path(f"M{x1:g} {y1:g}C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2 - 1.5:g} {y2:g}")
