"""Brings the last full run's figures into ``docs/scaling.md``."""

import json
import re
from pathlib import Path
from typing import Any

from experiments.service.scaling import STACKS

DOCS = Path(__file__).parents[1] / "docs"


def with_figures(page: str, run: dict[str, Any]) -> str:
    """The page with the figures of a run.

    Args:
        page: its tables have rows such as ``| text (`2-*-evaluation`) | 0.7 | 1.1 |``, a column each; one
            sentence says ``load average …``.
        run: what ``netwright compare scaling --full`` wrote.

    Raises:
        KeyError: the page names a figure that the run does not have.
    """
    values = {row["id"]: row["value"] for row in run["rows"]}

    def row(match: re.Match[str]) -> str:
        number, what = match["number"], match["what"]
        told = [values[f"{number}-{name}-{what}"] for name in STACKS]
        return f"{match['head']} {' | '.join('—' if v is None else f'{v:.3g}' for v in told)} |"

    page = re.sub(r"(?P<head>\(`(?P<number>\d)-\*-(?P<what>[\w-]+)`\) \|) .* \|", row, page)
    load = values["0-load-average-at-the-start"]
    return re.sub(r"load average \d+(\.\d+)?", f"load average {load:.2g}", page)


if __name__ == "__main__":
    place = DOCS / "scaling.md"
    figures = json.loads((DOCS / "figures" / "scaling.json").read_text())
    place.write_text(with_figures(place.read_text(encoding="utf-8"), figures), encoding="utf-8")
