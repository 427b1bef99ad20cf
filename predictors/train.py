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
from predictors.gbdt import GbdtOptions, GbdtPredictor
from predictors.inputs import cost_kinds
from predictors.predictor import Predictor
from predictors.shipped import SUPPORT_FILE
from predictors.support import Support
from spaces.space import Codes, Floats, Space, get_space, space_names

LABELS = 1000
"""A sample of each table, never all of it: the rest is what the card's figures are judged on."""
OPTIONS = GbdtOptions(members=3, trees=40, depth=4, rate=0.3)


@dataclass(frozen=True, slots=True)
class Trained:
    """One shipped model's figures, on members its training did not draw.

    Args:
        kendall_tau: rank correlation.
        coverage_percent: share of truths within the 90 % interval.
        mean_absolute_error: in the quantity's unit.
    """

    key: str
    labels: int
    judged: int
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
    """Writes a model and a card for every column that can be read; returns their figures by space."""
    work = [
        (get_space(name), column) for name in space_names() for column in _columns(tables, get_space(name))
    ]
    done: dict[str, list[Trained]] = {}
    for index, (space, column) in enumerate(work):
        done.setdefault(space.name, []).append(_train(tables, space, column, folder, seed))
        progress(index + 1, len(work), f"{space.name} {column.key}")
    for name, rows in done.items():
        support = write_supports(folder / name, {row.key: row.support for row in rows})
        (folder / name / "CARD.md").write_text(_card(name, rows, tables, support), encoding="utf-8")
    return done


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


def _train(tables: Tables, space: Space, column: Column, folder: Path, seed: int) -> Trained:
    rng = np.random.default_rng(seed)
    members = tables.members(space.name, column.key)
    values = tables.values(space.name, column.key, members)
    order = rng.permutation(len(members))
    learn, judge = order[:LABELS], order[LABELS:][:5000]
    costs = column.quantity.device is not None
    options = replace(OPTIONS, kinds=cost_kinds(space)) if costs else OPTIONS
    predictor = GbdtPredictor(space, task=column.quantity.task, seed=seed, options=options)
    predictor.fit(members[learn], values[learn])
    path = folder / space.name / f"{column.key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(predictor.to_bytes())
    support = Support.of(space, members[learn], column.quantity.task)
    return _judge(predictor, column.key, support, members[judge], values[judge])


def write_supports(folder: Path, supports: Mapping[str, Support]) -> str:
    """Writes what the labels of each quantity's model covered; returns the file's digest."""
    content = {key: supports[key].to_dict() for key in sorted(supports)}
    text = json.dumps(content, separators=(",", ":")) + "\n"
    (folder / SUPPORT_FILE).write_text(text, encoding="utf-8")
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _judge(predictor: Predictor, key: str, support: Support, codes: Codes, values: Floats) -> Trained:
    prediction = predictor.predict(codes)
    inside = (prediction.lower <= values) & (values <= prediction.upper)
    return Trained(
        key,
        LABELS,
        len(codes),
        round(float(kendalltau(prediction.mean, values).statistic), 4),
        round(100 * float(inside.mean()), 2),
        round(float(np.abs(prediction.mean - values).mean()), 4),
        predictor.digest(),
        support,
    )


def _card(space: str, rows: list[Trained], tables: Tables, support: str) -> str:
    sources = sorted({column.source for column in tables.columns(space)})
    lines = "\n".join(
        f"| `{row.key}` | {row.labels} | {row.kendall_tau:.3f} | {row.coverage_percent:.1f} "
        f"| {row.mean_absolute_error:.4g} | `{row.digest[:19]}` |"
        for row in rows
    )
    return f"""# Predictors of `{space}`

Boosted trees (`predictors/gbdt.py`), one a quantity, learned from {LABELS} labels drawn at random.

- **Data**: {"; ".join(sources)}
- **Command**: `netwright train predictor`

Judged on up to 5,000 other members of the same table: Kendall's rank correlation, the share of truths inside
the 90 % interval, and the mean absolute error in the quantity's unit.

| quantity | labels | τ | coverage % | error | digest |
|---|---|---|---|---|---|
{lines}

What the labels covered is in `{SUPPORT_FILE}`: `{support[:19]}`.
"""
