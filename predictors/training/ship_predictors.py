"""Trains the predictors that ship, from benchmark tables: ``netwright train predictor``."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from benchmarks.table import Column
from benchmarks.tables import Tables
from predictors.calibration.support import Support
from predictors.inputs import cost_kinds
from predictors.kinds.gbdt import GbdtOptions, GbdtPredictor
from predictors.shipped import SUPPORT_FILE
from spaces.known import get_space
from spaces.space import Codes, Floats, Space

SPACES = ("gnn", "mnasnet", "nasbench201")
"""Spaces whose predictors ship. In the others a predictor is trained on a device's measurements or on a
tenant's labels."""
LABELS = 1000
"""A sample of each table, never all of it: the rest is what the card's figures are measured on."""
EVALUATED = 5000
"""Architectures, at most, that the figures are measured on."""
OPTIONS = GbdtOptions(members=3, trees=40, depth=4, learning_rate=0.3)


@dataclass(frozen=True, slots=True)
class Trained:
    """One shipped file's figures, on architectures its training did not draw.

    Args:
        labels: it learned from.
        evaluated: architectures that the figures are measured on.
        kendall_tau: rank correlation.
        coverage_percent: share of truths within the 90 % interval.
        mean_absolute_error: in the quantity's unit.
    """

    key: str
    labels: int
    evaluated: int
    kendall_tau: float
    coverage_percent: float
    mean_absolute_error: float
    digest: str
    support: Support


def train_shipped(
    tables: Tables,
    folder: Path,
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, list[Trained]]:
    """Writes a model and a card for every column of :data:`SPACES` that can be read; returns their figures
    by space.
    """
    done: dict[str, list[Trained]] = {}
    work = _work(tables)
    for index, (space, column) in enumerate(work):
        drawn = _Drawn.of(tables, space, column, seed)
        path = folder / space.name / f"{column.key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_fitted(drawn, seed).to_bytes())
        done.setdefault(space.name, []).append(_measured(drawn, path))
        progress(index + 1, len(work), f"{space.name} {column.key}")
    for name, rows in done.items():
        _write_card(tables, folder, name, rows)
    return done


def refresh_cards(
    tables: Tables,
    folder: Path,
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, list[Trained]]:
    """Measures the files in a folder and writes their cards again, for the spaces whose columns can all be
    read; returns their figures by space.

    Args:
        tables: measured values.
        folder: of a folder a space.
        seed: that the files were trained with.
        progress: called with done, total and a message.
    """
    work = [
        (space, column)
        for space, column in _work(tables)
        if all((folder / space.name / f"{key}.json").is_file() for key in _keys(tables, space))
    ]
    done: dict[str, list[Trained]] = {}
    for index, (space, column) in enumerate(work):
        drawn = _Drawn.of(tables, space, column, seed)
        path = folder / space.name / f"{column.key}.json"
        done.setdefault(space.name, []).append(_measured(drawn, path))
        progress(index + 1, len(work), f"{space.name} {column.key}")
    for name in list(done):
        if {row.key for row in done[name]} == {path.stem for path in (folder / name).glob("*@*.json")}:
            _write_card(tables, folder, name, done[name])
        else:
            del done[name]
    return done


def _work(tables: Tables) -> list[tuple[Space, Column]]:
    """Every column that a model ships for, with its space."""
    return [(get_space(name), column) for name in SPACES for column in _columns(tables, get_space(name))]


def _keys(tables: Tables, space: Space) -> list[str]:
    return [column.key for column in _columns(tables, space)]


def _columns(tables: Tables, space: Space) -> list[Column]:
    """Columns that a request can name, can be read, and are not known exactly anyway."""
    return [
        column
        for column in tables.columns(space.name)
        if not column.extra
        and column.quantity.metric in space.metrics
        and tables.available(space.name, column.key) is None
        and not (column.quantity.device is None and column.quantity.metric in space.statistics_names)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A column's sample to learn from, and other rows to evaluate on.

    Shapes:
        codes, values: (l, v) and (l,), to learn from
        others, truth: (m, v) and (m,), to evaluate on
    """

    space: Space
    column: Column
    codes: Codes
    values: Floats
    others: Codes
    truth: Floats

    @classmethod
    def of(cls, tables: Tables, space: Space, column: Column, seed: int) -> "_Drawn":
        codes = tables.architectures(space.name, column.key)
        values = tables.values(space.name, column.key, codes)
        order = np.random.default_rng(seed).permutation(len(codes))
        learn, others = order[:LABELS], order[LABELS:][:EVALUATED]
        return cls(space, column, codes[learn], values[learn], codes[others], values[others])


def _fitted(drawn: _Drawn, seed: int) -> GbdtPredictor:
    costs = drawn.column.quantity.device is not None
    options = replace(OPTIONS, kinds=cost_kinds(drawn.space)) if costs else OPTIONS
    predictor = GbdtPredictor(drawn.space, task=drawn.column.quantity.task, seed=seed, options=options)
    return predictor.fit(drawn.codes, drawn.values)


def _measured(drawn: _Drawn, path: Path) -> Trained:
    """The figures of the model as it is read from a file.

    The model that wrote the file can differ: the file keeps only a part of the calibration's scores."""
    data = path.read_bytes()
    prediction = GbdtPredictor.from_bytes(data, drawn.space).predict(drawn.others)
    inside = (prediction.lower <= drawn.truth) & (drawn.truth <= prediction.upper)
    return Trained(
        drawn.column.key,
        LABELS,
        len(drawn.others),
        round(float(kendalltau(prediction.mean, drawn.truth).statistic), 4),
        round(100 * float(inside.mean()), 2),
        round(float(np.abs(prediction.mean - drawn.truth).mean()), 4),
        "sha256:" + hashlib.sha256(data).hexdigest(),
        Support.of(drawn.space, drawn.codes, drawn.column.quantity.task),
    )


def write_supports(folder: Path, supports: Mapping[str, Support]) -> str:
    """Writes what the labels of each quantity's model covered; returns the file's digest."""
    content = {key: supports[key].to_dict() for key in sorted(supports)}
    text = json.dumps(content, separators=(",", ":")) + "\n"
    (folder / SUPPORT_FILE).write_text(text, encoding="utf-8")
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _write_card(tables: Tables, folder: Path, space: str, rows: list[Trained]) -> None:
    support = write_supports(folder / space, {row.key: row.support for row in rows})
    (folder / space / "CARD.md").write_text(_card(space, rows, tables, support), encoding="utf-8")


def _card(space: str, rows: list[Trained], tables: Tables, support: str) -> str:
    sources = sorted({column.source for column in tables.columns(space)})
    lines = "\n".join(
        f"| `{row.key}` | {row.labels} | {row.kendall_tau:.3f} | {row.coverage_percent:.1f} "
        f"| {row.mean_absolute_error:.4g} | `{row.digest[:19]}` |"
        for row in rows
    )
    return f"""# Predictors of `{space}`

Boosted trees (`predictors/kinds/gbdt.py`), one a quantity, learned from {LABELS} labels drawn at random.

- **Data**: {"; ".join(sources)}
- **Command**: `netwright train predictor`

The files themselves, on up to {EVALUATED:,} other rows of the same table: Kendall's rank correlation, the
share of measured values inside the 90 % interval, and the mean absolute error in the quantity's unit.
`netwright train cards` measures them again.

| quantity | labels | τ | coverage % | error | digest |
|---|---|---|---|---|---|
{lines}

What the labels covered is in `{SUPPORT_FILE}`: `{support[:19]}`.
"""
