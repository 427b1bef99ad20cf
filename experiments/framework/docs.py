"""Figures in README and docs are written from ``docs/figures``, never by hand.

A block of a page names a comparison and holds a template; the text after it is written by
``netwright compare --write-docs``::

    <!-- figures scaling:
    | a job of one evaluation, ms | {2-sqlite-valkey-job-of-one-evaluation} |
    -->
    | a job of one evaluation, ms | 24.1 |
    <!-- end of figures -->

``{row}`` is the row's value, ``{row ±}`` value and standard error, ``{row n}``, ``{row p}`` and
``{row verdict}`` the like; ``{commit}`` and ``{cpu}`` say where they come from. Where a comparison was not
run, a dash stands. A block may stand within a line. Outside blocks no measured figure stands:
:func:`loose_figures` finds them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.framework.comparison import FORMAT
from experiments.framework.results import write_text

_BLOCK = re.compile(
    r"<!-- figures (?P<name>[a-z0-9-]+):(?P<template>.*?)-->(?P<written>.*?)<!-- end of figures -->",
    re.DOTALL,
)
_PLACE = re.compile(r"\{(?P<row>[^{}\s]+)(?: (?P<what>±|n|p|verdict))?\}")
_NOT_PROSE = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->|\]\([^)]*\)", re.DOTALL | re.MULTILINE)
_NUMBER = r"(?:\d[\d,.]*|\.\d+|half an?|a|an|one|two|three|few|some|several|dozens? of)"
_UNIT = r"(?:ms|milliseconds?|s|seconds?|min|minutes?|hours?|[KMG]B|megabytes?|gigabytes?|%|percent|points?)"
_UNBOUNDED = r"(?![^.|]*(?:[≤≥<>]|at (?:most|least)))"
"""Words before a number that make it a goal, and so not a figure."""
_CLAIMS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\d\s*±\s*\.?\d",
        rf"\b(?:about|around|roughly|nearly|almost|takes?|took|costs?|needs?|in)\s+{_NUMBER}\s+{_UNIT}\b",
        rf"\bhalf an?\s+{_UNIT}\b|\ba few\s+{_UNIT}\b",
        rf"\b(?:p50|p95|p99|percentile|median)\b{_UNBOUNDED}[^.]*\d",
        r"\b(?:spearman|kendall|tau|τ|ρ|R²|regret|hypervolume|coverage)\b[^.]*(?:\d\.\d|[^\d]\.\d)",
        r"\b\d[\d,.]*\s*(?:times|×)\s+(?:as|faster|slower|better|less|more)\b",
        r"\bstandard errors?\b[^.]*\d",
        r"\|\s*\d[\d,]*\.\d+\s*\|\s*\d[\d,.]*\s*\||\|\s*\d[\d,.]*\s*\|\s*\d[\d,]*\.\d+\s*\|",
    )
)
"""Words that present a number as measured."""


class FigureMissing(KeyError):
    """A page quotes a row that its comparison does not have."""


def pages(root: Path) -> list[Path]:
    """The pages that the rule holds for: README and those directly in ``docs``."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def with_figures(page: str, figures: Path) -> str:
    """A page with what its blocks quote.

    Raises:
        FigureMissing: for a row that a comparison does not have.
    """

    def block(match: re.Match[str]) -> str:
        run = read_figure(figures / f"{match['name']}.json")
        written = _PLACE.sub(lambda place: _quoted(run, place), match["template"])
        return f"<!-- figures {match['name']}:{match['template']}-->{written}<!-- end of figures -->"

    return _BLOCK.sub(block, page)


def read_figure(path: Path) -> dict[str, Any] | None:
    """What a comparison wrote; None where it was not run, or with the frame before this one."""
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return run if run.get("format") == FORMAT else None


def write_docs(root: Path) -> list[Path]:
    """Writes every page's blocks; returns the pages that changed.

    Raises:
        FigureMissing: see :func:`with_figures`.
    """
    changed = []
    for path in pages(root):
        page = path.read_text(encoding="utf-8")
        written = with_figures(page, root / "docs" / "figures")
        if written != page:
            write_text(path, written)
            changed.append(path)
    return changed


def stale_blocks(root: Path) -> Iterator[str]:
    """Pages with blocks that differ from the stored figures."""
    for path in pages(root):
        page = path.read_text(encoding="utf-8")
        try:
            fresh = with_figures(page, root / "docs" / "figures") == page
        except FigureMissing as error:
            yield f"{path.name}: {error.args[0]}"
        else:
            if not fresh:
                yield f"{path.name} is not as docs/figures say: netwright compare --write-docs"


def loose_figures(page: str) -> list[tuple[int, str]]:
    """Line numbers and texts of what reads like a measured figure outside a block.

    Code, comments and addresses of links do not count.

    >>> loose_figures("It takes about 3 minutes.\\n\\nA lease lasts 30 s.")
    [(1, 'about 3 minutes')]
    """
    blank = _NOT_PROSE.sub(_blanked, _BLOCK.sub(_blanked, page))
    found = []
    for number, line in enumerate(blank.splitlines(), start=1):
        hit = next((match for claim in _CLAIMS if (match := claim.search(line))), None)
        if hit is not None:
            found.append((number, hit.group().strip()))
    return found


def _blanked(match: re.Match[str]) -> str:
    """Empty lines, as many as the match has."""
    return "\n" * match.group().count("\n") or " "


def _quoted(run: dict[str, Any] | None, place: re.Match[str]) -> str:
    name, what = place["row"], place["what"]
    if run is None:
        return "—"
    if name in ("commit", "cpu"):
        return str(run["commit"] if name == "commit" else run["machine"]["cpu"])
    row = next((row for row in run["rows"] if row["id"] == name), None)
    if row is None:
        raise FigureMissing(f"{run['name']}.json has no row {name}")
    if what in ("n", "p", "verdict"):
        return "—" if row[what] is None else str(row[what])
    if row["value"] is None:
        return "—"
    error = f" ± {row['standard_error']:.2g}" if what == "±" and row["standard_error"] is not None else ""
    return figure_text(row["value"]) + error


def figure_text(value: float) -> str:
    """Three significant digits.

    >>> [figure_text(value) for value in (0.12345, 24.06, 526_312.0, 100.0)]
    ['0.123', '24.1', '526,312', '100']
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def problems(root: Path) -> Sequence[str]:
    """Figures that stand outside blocks, and blocks that differ from the stored figures."""
    loose = [
        f"{path.name}:{number}: {text!r} is no figure that the frame wrote"
        for path in pages(root)
        for number, text in loose_figures(path.read_text(encoding="utf-8"))
    ]
    return [*loose, *stale_blocks(root)]
