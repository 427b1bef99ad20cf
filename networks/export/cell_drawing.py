"""Drawing of a cell of four nodes, and of the chain that stacks it."""

from collections.abc import Mapping
from itertools import combinations, groupby

from networks.export.chain_drawing import Head
from networks.export.svg import (
    CONVOLUTION,
    INK,
    LINE,
    MONO,
    PASSED,
    PLAIN,
    POOLING,
    QUIET,
    Family,
    box,
    legend,
    page,
    path,
    text,
)
from networks.plan import Call, Plan

WIDTH = 900
_NODES = ((90.0, 150.0), (330.0, 150.0), (570.0, 150.0), (810.0, 150.0))
_NAMES = ("input", "1", "2", "output")
# How far the line of an edge is bent off the straight one, and where its label is.
_BENDS = {(0, 1): 0.0, (1, 2): 0.0, (2, 3): 0.0, (0, 2): -95.0, (1, 3): 95.0, (0, 3): -215.0}


def draw_cell(plan: Plan, cell: Call, title: str, head: Head) -> str:
    """The SVG file of a plan that stacks a cell."""
    top, y = head(WIDTH)
    (edges,) = cell.args
    assert isinstance(edges, Mapping)
    parts, families = [top], []
    drawn = ""
    labels = ""
    for source, target in combinations(range(4), 2):
        operation = edges.get((source, target))
        assert operation is None or isinstance(operation, Call)
        label, family = _operation(operation)
        line, words = _edge(source, target, label, family, y)
        drawn += line
        labels += words
        families.append(family)
    parts += [drawn, labels]
    for (x, down), name in zip(_NODES, _NAMES, strict=True):
        parts.append(
            f'<circle cx="{x:g}" cy="{y + down:g}" r="29" fill="{PLAIN.fill}" stroke="{INK}" '
            'stroke-width="1.4"/>'
        )
        parts.append(text(x, y + down + 4.5, name, anchor="middle", size=12.5, bold=True))
    y += 292
    parts.append(text(28, y, "The network", size=14, bold=True))
    parts.append(_stack(plan, y + 16))
    y += 132
    parts.append(legend(28, y, [family for family in families if family.name]))
    return page(WIDTH, y + 24, title, "".join(parts))


_NOTHING = Family("", "#ffffff", "#ffffff")


def _operation(call: Call | None) -> tuple[str, Family]:
    """What an edge's label says."""
    if call is None:
        return "none", _NOTHING
    if call.function == "nn.Identity":
        return "skip", PASSED
    if call.function == "nn.AvgPool2d":
        return "mean pool 3×3", POOLING
    return f"conv {call.args[2]}×{call.args[2]}", CONVOLUTION


def _edge(source: int, target: int, label: str, family: Family, y: float) -> tuple[str, str]:
    """An edge's line and its label, which lies upon it."""
    (x1, y1), (x2, y2) = _NODES[source], _NODES[target]
    bend = _BENDS[source, target]
    middle, height = (x1 + x2) / 2, y + y1 + bend / 2
    nothing = family is _NOTHING
    if bend:
        side = 1 if bend > 0 else -1
        lift = 29 * side
        inset = 10
        data = (
            f"M{x1 + inset:g} {y + y1 + lift:g}Q{middle:g} {y + y1 + bend - lift / 2:g} "
            f"{x2 - inset:g} {y + y2 + lift:g}"
        )
        height = y + y1 + (lift + bend - lift / 2) / 2
    else:
        data = f"M{x1 + 29:g} {y + y1:g}H{x2 - 30:g}"
    line = path(data, colour="#d9dee5" if nothing else LINE, width=1.1 if nothing else 1.8, dashed=nothing,
                arrow=not nothing)  # fmt: skip
    wide = 20 + 7.6 * len(label)
    words = box(middle - wide / 2, height - 12, wide, 24, family, radius=12)
    colour = "#aab2bd" if nothing else INK
    words += text(middle, height + 4.5, label, anchor="middle", size=12.5, bold=not nothing, colour=colour)
    return line, words


def _stack(plan: Plan, y: float) -> str:
    """The chain of stem, stages of cells, reductions and head."""
    groups = [(part, list(layers)) for part, layers in groupby(plan.layers, key=lambda layer: layer.part)]
    count = len(groups) + 1
    gap = 20.0
    wide = (WIDTH - 56 - gap * (count - 1)) / count
    names = [("image", f"3 × {plan.side} × {plan.side}", "", PLAIN)]
    for part, layers in groups:
        shape = " × ".join(map(str, layers[-1].shape))
        if layers[0].call.function == "cell":
            names.append((f"{len(layers)} cells", shape, "", CONVOLUTION))
        elif layers[0].call.function == "Reduction":
            names.append(("reduction", shape, "stride 2", CONVOLUTION))
        elif part == "head":
            names.append(("scores", f"{plan.classes} classes", "", PLAIN))
        else:
            names.append((f"{part} 3×3", shape, "", CONVOLUTION))
    parts, x = [], 28.0
    for index, (name, shape, note, family) in enumerate(names):
        filled = PASSED if name.endswith("cells") else family
        parts.append(box(x, y, wide, 46, Family("", filled.fill, family.edge)))
        parts.append(
            text(x + wide / 2, y + (21 if note else 27), name, anchor="middle", size=11.5, bold=True)
        )
        if note:
            parts.append(text(x + wide / 2, y + 37, note, anchor="middle", size=10.5, colour=QUIET))
        parts.append(text(x + wide / 2, y + 64, shape, anchor="middle", size=10, colour=QUIET, font=MONO))
        if index:
            parts.append(path(f"M{x - gap:g} {y + 23:g}H{x - 1.5:g}"))
        x += wide + gap
    return "".join(parts)
