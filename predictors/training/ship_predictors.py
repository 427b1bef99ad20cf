"""Trains the predictors that ship, from benchmark tables: ``netwright train predictor``.

A Gaussian process learns the labels; boosted trees learn what it says of architectures drawn at random
(:meth:`predictors.kinds.gbdt.GbdtPredictor.imitate`) and are what ships: small, fast, and without any label.
Where trees that learn the labels themselves do better, as of costs that are sums over choices, these ship.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from benchmarks.mnasnet_csv import in_split
from benchmarks.table import Column
from benchmarks.tables import Tables
from predictors.calibration.conformal import Calibration
from predictors.calibration.cross_fitting import cross_fitted
from predictors.calibration.support import Support
from predictors.inputs import cost_kinds, informed_kinds
from predictors.kinds.gbdt import GbdtOptions, GbdtPredictor
from predictors.kinds.gp import GpPredictor
from predictors.shipped import SUPPORT_FILE
from spaces.families.mnasnet import MnasNet
from spaces.known import get_space
from spaces.space import Codes, Floats, Space

SPACES = ("gnn", "mnasnet", "nasbench201")
"""Spaces whose predictors ship. In the others a predictor is trained on a device's measurements or on a
tenant's labels."""
SPLIT = (MnasNet.name,)
"""Spaces whose table has a split of its authors': all of its part to train on is learned, the other part
evaluates."""
LABELS = 1000
"""A sample of each other table, never all of it: the rest is what the card's figures are measured on."""
EVALUATED = 5000
"""Architectures, at most, that the figures are measured on."""
IMITATED = 30_000
"""Architectures of which the trees learn what the process says of them; all of a smaller space."""
SMALL = GbdtOptions(members=1, trees=200, depth=4, learning_rate=0.15)
TREES = GbdtOptions(members=3, trees=40, depth=4, learning_rate=0.3, split_from=sys.maxsize)
"""Of trees that learn the labels themselves."""
FOLDS = 5
"""Of the cross-fitting that calibrates these."""
LARGE = GbdtOptions(members=1, trees=600, depth=5, learning_rate=0.08)
"""Of a space with a split, whose thousands of labels tell more than small trees can hold."""
LARGEST = replace(LARGE, trees=800)
"""Of its accuracies: as many trees as go into 3 MB."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One shipped file's figures, on architectures its training did not draw.

    Args:
        labels: that the process learned.
        evaluated: architectures that the figures are measured on.
        kendall_tau: rank correlation.
        r2: explained share of the variance.
        coverage_percent: share of truths within the 90 % interval.
        imitating: whether the file imitates a Gaussian process.
        mean_absolute_error: in the quantity's unit.
    """

    key: str
    labels: int
    evaluated: int
    kendall_tau: float
    r2: float
    coverage_percent: float
    mean_absolute_error: float
    imitating: bool
    digest: str
    support: Support


def train_shipped(
    tables: Tables,
    folder: Path,
    *,
    seed: int = 0,
    spaces: Sequence[str] = SPACES,
    progress: Callable[[int, int, str], None] = lambda done, total, message: None,
) -> dict[str, list[Trained]]:
    """Writes a model and a card for every column of some spaces that can be read; returns their figures by
    space.
    """
    done: dict[str, list[Trained]] = {}
    work = _work(tables, spaces)
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


def _work(tables: Tables, spaces: Sequence[str] = SPACES) -> list[tuple[Space, Column]]:
    """Every column that a model ships for, with its space."""
    return [(get_space(name), column) for name in spaces for column in _columns(tables, get_space(name))]


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
        if space.name in SPLIT:
            train, valid = (in_split(tables, codes, "train"), in_split(tables, codes, "valid"))
            return cls(space, column, codes[train], values[train], codes[valid], values[valid])
        order = np.random.default_rng(seed).permutation(len(codes))
        learn, others = order[:LABELS], order[LABELS:][:EVALUATED]
        return cls(space, column, codes[learn], values[learn], codes[others], values[others])


def fitted(tables: Tables, space: Space, column: Column, seed: int = 0) -> GbdtPredictor:
    """The model that ships of a column."""
    return _fitted(_Drawn.of(tables, space, column, seed), seed)


def _fitted(drawn: _Drawn, seed: int) -> GbdtPredictor:
    """The better of trees that imitate a Gaussian process and trees that learned the labels themselves, by
    what each says of labels that it did not learn."""
    imitating = _imitating(drawn, seed)
    trees, error = _of_labels(drawn, seed)
    return imitating if imitating.noise <= error else trees


def _imitating(drawn: _Drawn, seed: int) -> GbdtPredictor:
    """Trees that imitate a Gaussian process of the labels."""
    space, quantity = drawn.space, drawn.column.quantity
    costs = quantity.device is not None and space.list_operations
    kinds = cost_kinds(space) if costs else informed_kinds(space, deep=True)
    teacher = GpPredictor(
        space, task=quantity.task, seed=seed, kinds=cost_kinds(space) if costs else None, inflate=False
    ).fit(drawn.codes, drawn.values)
    large = LARGEST if quantity.device is None else LARGE
    options = replace(large if space.name in SPLIT else SMALL, kinds=kinds, trend_kinds=kinds)
    student = GbdtPredictor(space, task=quantity.task, seed=seed, options=options)
    return student.imitate(teacher, _imitated(space, seed))


def _of_labels(drawn: _Drawn, seed: int) -> tuple[GbdtPredictor, float]:
    """Trees that learned all labels, calibrated by cross-fitting, and their root mean square error there."""
    space, quantity = drawn.space, drawn.column.quantity
    kinds = cost_kinds(space) if quantity.device is not None else TREES.kinds
    options = replace(TREES, kinds=kinds)

    def fit(codes: Codes, values: Floats) -> GbdtPredictor:
        model = GbdtPredictor(space, task=quantity.task, seed=seed, options=options).fit(codes, values)
        model.noise = 0.0  # the scale is then how far the members are apart
        return model

    model = fit(drawn.codes, drawn.values)
    away = cross_fitted(fit, drawn.codes, drawn.values, folds=FOLDS, seed=seed)
    errors = away.truth - away.mean
    # One floor for all folds: what each finds by its own few unseen labels differs by a quarter.
    model.noise = float(np.sqrt((errors**2).mean()))
    model.calibration = Calibration.of(errors, np.hypot(away.scale, model.noise))
    return model, model.noise


def _imitated(space: Space, seed: int) -> Codes:
    """Architectures that no table chose."""
    if space.size <= IMITATED:
        return space.enumerate()
    return space.sample(IMITATED, np.random.default_rng([seed, 1]))


def _measured(drawn: _Drawn, path: Path) -> Trained:
    """The figures of the model as it is read from a file.

    The model that wrote the file can differ: the file keeps only a part of the calibration's scores."""
    data = path.read_bytes()
    model = GbdtPredictor.from_bytes(data, drawn.space)
    prediction = model.predict(drawn.others)
    inside = (prediction.lower <= drawn.truth) & (drawn.truth <= prediction.upper)
    return Trained(
        drawn.column.key,
        len(drawn.codes),
        len(drawn.others),
        round(float(kendalltau(prediction.mean, drawn.truth).statistic), 4),
        round(explained(prediction.mean, drawn.truth), 4),
        round(100 * float(inside.mean()), 2),
        round(float(np.abs(prediction.mean - drawn.truth).mean()), 4),
        model.options.trend_kinds == model.options.kinds,
        "sha256:" + hashlib.sha256(data).hexdigest(),
        Support.of(drawn.space, drawn.codes, drawn.column.quantity.task),
    )


def explained(predicted: Floats, truth: Floats) -> float:
    """The explained share of the variance, R²."""
    return 1 - float(((truth - predicted) ** 2).sum() / ((truth - truth.mean()) ** 2).sum())


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
        f"| `{row.key}` | {row.labels} | {row.kendall_tau:.3f} | {row.r2:.3f} | {row.coverage_percent:.1f} "
        f"| {row.mean_absolute_error:.4g} | {_source(row)} | `{row.digest[:19]}` |"
        for row in rows
    )
    return f"""# Predictors of `{space}`

Boosted trees (`predictors/kinds/gbdt.py`), one a quantity. They learned what a Gaussian process
(`predictors/kinds/gp.py`) says of {IMITATED:,} architectures drawn at random, or of all of a smaller
space; the process learned the labels, {_learned(space)}. Where trees that learn the labels
themselves say more of labels that they did not learn, these ship (last column but one).

- **Data**: {"; ".join(sources)}
- **Command**: `netwright train predictor`

The files themselves, on {_others(space)}: Kendall's rank correlation,
the explained share of the variance, the share of measured values inside the 90 % interval, and the mean
absolute error in the quantity's unit. `netwright train cards` measures them again.

| quantity | labels | τ | R² | coverage % | error | learned from | digest |
|---|---|---|---|---|---|---|---|
{lines}

What the labels covered is in `{SUPPORT_FILE}`: `{support[:19]}`.
"""


def _source(row: Trained) -> str:
    """What a file learned from, for a card."""
    return "process" if row.imitating else "labels"


def _learned(space: str) -> str:
    """Which labels, for a card."""
    return "the authors' split to train on" if space in SPLIT else f"{LABELS} drawn at random"


def _others(space: str) -> str:
    """What a card's figures are measured on."""
    if space in SPLIT:
        return "the authors' split to evaluate on"
    return f"up to {EVALUATED:,} other rows of the same table"
