"""Drawing of a network that is a chain of layers: a row a layer, with its operation, shape and stride."""

from collections.abc import Callable
from dataclasses import dataclass

from networks.export.svg import (
    CONVOLUTION,
    EXCITED,
    GROUPED,
    INK,
    LINE,
    MONO,
    PASSED,
    PLAIN,
    POOLING,
    QUIET,
    RESIDUAL,
    Family,
    box,
    legend,
    page,
    path,
    text,
)
from networks.plan import Call, Layer, Plan

WIDTH, ROW, TALL = 770, 38, 28
_LEFT, _RIGHT = 200, 592

Head = Callable[[float], tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """What a layer's row says."""

    label: str
    detail: str
    family: Family
    adds: bool = False


def draw_chain(plan: Plan, title: str, head: Head) -> str:
    """The SVG file of a plan without cells."""
    top, y = head(WIDTH)
    image = f"3 × {plan.side} × {plan.side}"
    parts, families, previous = [top, *_row(y, Row("image", "", PLAIN), image, 1)], [PLAIN], ""
    last = y
    for layer in plan.layers:
        if (row := describe(layer)) is None:
            continue
        y += ROW
        parts.append(path(f"M{_middle():g} {last + TALL:g}V{y - 1.5:g}"))
        parts += _row(y, row, " × ".join(map(str, layer.shape)), layer.stride)
        if row.adds:
            parts.append(_shortcut(last, y))
        if layer.part != previous:
            parts.append(_part(y, layer.part, plan.choices.get(layer.part, "")))
        families.append(row.family)
        last, previous = y, layer.part
    y += ROW + 22
    parts.append(legend(28, y, families))
    return page(WIDTH, y + 24, title, "".join(parts))


def describe(layer: Layer) -> Row | None:
    """What a layer's row says; None for those that belong to the row before."""
    call = layer.call
    kernel = call.kwargs.get("kernel", 1)
    if call.function in ("ConvNorm", "LiteConv"):
        usual = "ReLU" if call.function == "ConvNorm" else "ReLU6"
        return Row(f"Conv {kernel}×{kernel}", _activation(call, usual), CONVOLUTION)
    if call.function in ("InvertedResidual", "LiteResidual"):
        scale = call.kwargs.get("scale")
        details = [f"expand ×{call.kwargs['expansion']}"]
        if isinstance(scale, Call):
            details.append(f"SE {scale.args[1]}")
        if "activation" in call.kwargs:
            details.append(_activation(call, ""))
        family = EXCITED if scale else RESIDUAL
        return Row(f"MBConv {kernel}×{kernel}", " · ".join(details), family, _adds(call))
    if call.function == "GroupedResidual":
        detail = f"{call.kwargs['groups']} groups, shuffled"
        return Row(f"MBConv {kernel}×{kernel}", detail, GROUPED, _adds(call))
    if call.function == "nn.Conv2d":
        return Row(f"Conv {call.args[2]}×{call.args[2]}", "no batch norm", CONVOLUTION)
    plain = {
        "nn.Identity": Row("skip", "passed through", PASSED),
        "nn.AdaptiveAvgPool2d": Row("Mean", "over the image", POOLING),
        "nn.Linear": Row("Linear", "scores of the classes", PLAIN),
    }
    return plain.get(call.function)


def _adds(call: Call) -> bool:
    return call.args[0] == call.args[1] and call.kwargs["stride"] == 1


def _activation(call: Call, otherwise: str) -> str:
    return "h-swish" if "activation" in call.kwargs else otherwise


def _middle() -> float:
    return (_LEFT + _RIGHT) / 2


def _row(y: float, row: Row, shape: str, stride: int) -> list[str]:
    parts = [box(_LEFT, y, _RIGHT - _LEFT, TALL, row.family)]
    parts.append(text(_LEFT + 14, y + 18.5, row.label, size=13, bold=True, colour=INK))
    if row.detail:
        parts.append(text(_LEFT + 122, y + 18.5, row.detail, size=12, colour=QUIET))
    if stride > 1:
        parts.append(
            f'<rect x="{_RIGHT - 72}" y="{y + 5.5:g}" width="62" height="17" rx="8.5" fill="{INK}"/>'
        )
        parts.append(
            text(_RIGHT - 41, y + 18, f"stride {stride}", size=10.5, colour="#ffffff", anchor="middle")
        )
    parts.append(text(_RIGHT + 34, y + 18.5, shape, size=12, font=MONO, colour=INK))
    return parts


def _shortcut(last: float, y: float) -> str:
    """The input of a layer that is added to its output, at the right of its box."""
    start, end = last + TALL + 4, y + TALL + 4
    bend = _RIGHT + 20
    return path(
        f"M{_middle():g} {start:g}H{bend - 7:g}Q{bend:g} {start:g} {bend:g} {start + 6:g}"
        f"V{end - 6:g}Q{bend:g} {end:g} {bend - 7:g} {end:g}H{_middle() + 2:g}",
        colour=LINE,
        width=1.1,
    )


def _part(y: float, part: str, choice: str) -> str:
    """The name and choice of the layers that begin here, at the left."""
    words = text(_LEFT - 22, y + (12 if choice else 18.5), part, anchor="end", size=12.5, bold=True)
    if choice:
        lines = choice if len(choice) <= 27 else choice[:26] + "…"
        words += text(_LEFT - 22, y + 26, lines, anchor="end", size=10.5, colour=QUIET, font=MONO)
    return words
