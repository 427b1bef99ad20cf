"""The few shapes that drawings are made of, as SVG text."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

INK, QUIET, LINE, PAPER = "#1c2430", "#66707d", "#9aa4b1", "#ffffff"
FONT = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"
MONO = "'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of operation: its name in the legend, and its colours."""

    name: str
    fill: str
    edge: str


PLAIN = Family("image, scores", "#eef1f5", "#b8c1cc")
CONVOLUTION = Family("convolution", "#dbe9fb", "#5b8fd6")
RESIDUAL = Family("inverted residual", "#dff3e6", "#4fa870")
EXCITED = Family("with squeeze-excite", "#fdeacb", "#d9962f")
GROUPED = Family("grouped convolution", "#ece3fa", "#8d6cc9")
POOLING = Family("mean or pooling", "#fbe3e6", "#d0697a")
PASSED = Family("passed through", "#f6f7f9", "#c6cdd6")


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 12,
    colour: str = INK,
    anchor: str = "start",
    bold: bool = False,
    font: str = FONT,
) -> str:
    """Words whose base line starts at a point, is centered on it or ends there."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{font}" font-size="{size:g}" fill="{colour}" '
        f'text-anchor="{anchor}"{weight}>{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, family: Family, *, radius: float = 7) -> str:
    """A rounded rectangle in the colours of a family."""
    dashes = ' stroke-dasharray="4 3"' if family is PASSED else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" '
        f'fill="{family.fill}" stroke="{family.edge}" stroke-width="1.2"{dashes}/>'
    )


def path(
    data: str, *, colour: str = LINE, width: float = 1.4, arrow: bool = True, dashed: bool = False
) -> str:
    """A line along path data, with an arrow head at its end."""
    end = ' marker-end="url(#arrow)"' if arrow else ""
    dashes = ' stroke-dasharray="3 4"' if dashed else ""
    return f'<path d="{data}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}{end}/>'


def legend(x: float, y: float, families: Sequence[Family]) -> str:
    """One line that explains the colours."""
    parts = []
    for family in dict.fromkeys(families):
        parts.append(box(x, y - 9, 14, 11, family, radius=3))
        parts.append(text(x + 20, y, family.name, size=11, colour=QUIET))
        x += 34 + 6.0 * len(family.name)
    return "".join(parts)


def heading(width: float, title: str, architecture: str, facts: str) -> tuple[str, float]:
    """Title, architecture and facts, and where the drawing may begin below them."""
    parts, y = [text(28, 40, title, size=19, bold=True), text(28, 61, facts, size=12.5, colour=QUIET)], 82.0
    for line in _broken(architecture, int((width - 56) / 6.7)):
        parts.append(text(28, y, line, size=11, colour=QUIET, font=MONO))
        y += 15
    return "".join(parts), y + 12


def page(width: float, height: float, title: str, content: str) -> str:
    """A whole SVG file."""
    arrow = (
        '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0.8L7.4 4L0 7.2z" fill="{LINE}"/></marker>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img"><title>{escape(title)}</title><defs>{arrow}</defs>'
        f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>{content}</svg>\n'
    )


def _broken(words: str, length: int) -> list[str]:
    """Lines of at most ``length`` characters, broken behind ``|`` where that is possible.

    >>> _broken("k3|k5|skip", 6)
    ['k3|k5|', 'skip']
    """
    lines = [""]
    for part in words.replace("|", "|\0").split("\0"):
        if lines[-1] and len(lines[-1]) + len(part) > length:
            lines.append("")
        lines[-1] += part
    return lines
